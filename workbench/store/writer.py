"""Writing one run: trials are inserted as running and completed in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import StoreFailure
from workbench.store import artifacts, faults, schema, spool
from workbench.store.database import Database
from workbench.store.lease import DatabaseNow, Lease, refuse_if_owned
from workbench.store.putting import (
    board_of,
    clean,
    end_trial,
    indexed,
    insert,
    now,
    put_listed,
    put_metrics,
    put_models,
    session_columns,
)
from workbench.store.rows import FinalistRow, Measured, ModelRow, RunRow, TrialRow

T = TypeVar("T")

OWNER_LOST = "owner lost"
"""The reason of a trial that ran when the owner of its run was lost."""


class RunWriter:
    """The rows of one run, for as long as this process owns it.

    Args:
        database: open.
        lease: of the run.
        board: the id of its board.
        trials: uuid -> id of the trials that are there.
    """

    def __init__(self, database: Database, lease: Lease, board: int, trials: Mapping[str, int]) -> None:
        self._database, self.lease, self._board = database, lease, board
        self._trials = dict(trials)
        self.run = lease.run

    @classmethod
    def begin(
        cls, database: Database, row: RunRow, models: Sequence[ModelRow], seconds: Callable[[], float]
    ) -> RunWriter:
        """A new run, which this process owns.

        Args:
            database: open.
            row: what is known now.
            models: what became of each model.
            seconds: tells how much time the run has taken.
        """
        key = uuid.uuid4().hex

        def work(connection: Connection) -> tuple[int, int]:
            board = board_of(connection, row)
            values = {
                "uuid": key,
                "name": clean(row.name),
                "task": row.task,
                "plugin": row.plugin,
                "version": row.version,
                "board_id": board,
                "split_summary": clean(row.split_summary),
                "leakage": clean(list(row.leakage)),
                "baseline": row.baseline,
                "started_at": now(),
                "fence": 1,
            }
            run = insert(connection, schema.run, {**values, **session_columns(row)})
            put_models(connection, run, models)
            return run, board

        run, board = _write(database, "begin", work)
        return cls(database, Lease(database, run, key, 1, seconds), board, {})

    @classmethod
    def take_over(
        cls, database: Database, run: int, row: RunRow, models: Sequence[ModelRow], seconds: Callable[[], float]
    ) -> RunWriter:
        """A run that is there already, which this process owns from now on.

        What the owner before could not store is stored, and what it left running has crashed.

        Raises:
            UserError: its owner lives.
        """
        table, trial = schema.run, schema.trial

        def work(connection: Connection) -> tuple[sa.RowMapping, dict[str, int]]:
            query = sa.select(table, DatabaseNow().label("now")).where(table.c.id == run)
            found = connection.execute(query).mappings().one()
            refuse_if_owned(found, found["now"])
            values = {**session_columns(row), "fence": found["fence"] + 1, "reason": "", "finished_at": None}
            connection.execute(sa.update(table).where(table.c.id == run).values(**values))
            put_models(connection, run, models)
            ids = dict(connection.execute(sa.select(trial.c.uuid, trial.c.id).where(trial.c.run_id == run)).all())
            running = sa.select(trial.c.uuid).where(trial.c.run_id == run, trial.c.state == "running")
            unknown = set(connection.execute(running).scalars())
            for result in spool.load(database, found["uuid"]):
                if result["trial"] in unknown:
                    unknown.remove(result["trial"])
                    end_trial(connection, ids[result["trial"]], result["values"], result["valid"], result["reports"])
            connection.execute(
                sa.update(trial)
                .where(trial.c.run_id == run, trial.c.uuid.in_(unknown))
                .values(state="crashed", reason=OWNER_LOST, finished_at=now())
            )
            return found, ids

        found, ids = _write(database, "take over", work)
        spool.clear(database, found["uuid"])
        return cls(database, Lease(database, run, found["uuid"], found["fence"] + 1, seconds), found["board_id"], ids)

    def trial_started(self, row: TrialRow) -> None:
        """Insert a trial as running, with its params."""

        def work(connection: Connection) -> int:
            values = {key: clean(value) for key, value in vars(row).items()}
            values.update(run_id=self.run, board_id=self._board, state="running", started_at=now())
            key = insert(connection, schema.trial, values)
            rows = [
                {"trial_id": key, "position": position, "name": clean(name), **indexed(value)}
                for position, (name, value) in enumerate(row.params.items(), 1)
            ]
            if rows:
                connection.execute(sa.insert(schema.trial_param), rows)
            return key

        self._trials[row.uuid] = self._write("trial started", work)

    def trial_ended(
        self,
        trial: str,
        values: Mapping[str, Any],
        valid: Measured,
        reports: Sequence[tuple[int, float]] = (),
    ) -> None:
        """Complete a trial: its columns, metrics on valid and reports, in one transaction.

        A database that cannot take it now gets it when the run is resumed.
        """
        cleaned = clean(dict(values))
        try:
            self._write(
                "trial ended",
                lambda connection: end_trial(connection, self._trials[trial], cleaned, valid, reports),
            )
        except StoreFailure as error:
            result = {"trial": trial, "values": cleaned, "valid": clean(dict(valid)), "reports": list(reports)}
            try:
                spool.save(self._database, self.lease.uuid, result)
            except OSError as worse:
                raise error from worse
            raise

    def stage(self, folder: Path) -> artifacts.Hashes:
        """Bring the content of a folder's files into the database, to be named by `finalists_ended`.

        Raises:
            StoreError: a file cannot be kept.
        """
        return artifacts.stage(self._write, folder)

    def search_ended(self, models: Mapping[str, Mapping[str, Any]]) -> None:
        """Write what each model got of the search: model -> columns of `run_model`, all in one transaction."""
        table = schema.run_model

        def work(connection: Connection) -> None:
            for model, values in models.items():
                cleaned = {key: clean(value) for key, value in values.items()}
                connection.execute(
                    sa.update(table).where(table.c.run_id == self.run, table.c.model == model).values(**cleaned)
                )

        self._write("search ended", work)

    def finalists_ended(
        self,
        finalists: Mapping[str, FinalistRow],
        kept: Mapping[str | None, artifacts.Hashes],
    ) -> None:
        """Replace what selection and test found before, all in one transaction.

        Args:
            finalists: trial -> what was found of it, also of those before that are finalists no more.
            kept: trial -> the files of its fitted model; None -> those of the run's encoding.
        """

        def work(connection: Connection) -> None:
            artifact, metric = schema.artifact, schema.trial_metric
            connection.execute(sa.delete(artifact).where(artifact.c.run_id == self.run))
            former = schema.trial.c.model == schema.ENSEMBLE, schema.trial.c.uuid.not_in(list(finalists))
            connection.execute(sa.delete(schema.trial).where(schema.trial.c.run_id == self.run, *former))
            for trial, row in finalists.items():
                key, values = self._trials[trial], clean(dict(row.values))
                connection.execute(sa.update(schema.trial).where(schema.trial.c.id == key).values(**values))
                connection.execute(sa.delete(metric).where(metric.c.trial_id == key, metric.c.part == "test"))
                put_metrics(connection, key, "test", row.test)
                put_listed(connection, schema.trial_group, key, row.groups)
                put_listed(connection, schema.trial_mistake, key, row.mistakes)
            for owner, hashes in kept.items():
                if owner is None:
                    artifacts.name(connection, self.run, None, "encoding", hashes)
                else:
                    artifacts.name(connection, self.run, self._trials[owner], "model", hashes)

        self._write("finalists", work)

    def finish(self, state: str, reason: str, spent: Mapping[str, float]) -> None:
        """Close the run, which has spent so many seconds on each of its stages."""

        def work(connection: Connection) -> None:
            connection.execute(
                sa.update(schema.run)
                .where(schema.run.c.id == self.run)
                .values(state=state, reason=clean(reason), spent=dict(spent), finished_at=now())
            )
            # Nothing runs any more; a row that says so would be believed.
            connection.execute(
                sa.update(schema.trial)
                .where(schema.trial.c.run_id == self.run, schema.trial.c.state == "running")
                .values(state="cancelled", reason="the run ended", finished_at=now())
            )

        self._write("finish", work)

    def remark(self, text: str) -> None:
        """Add to the note of a run that is closed what observers missed; the time since then was theirs."""
        table, ours = schema.run, schema.run.c.id == self.run

        def work(connection: Connection) -> None:
            row = connection.execute(sa.select(table.c.note, table.c.spent, table.c.seconds).where(ours)).one()
            note = "; ".join(filter(None, [row.note, clean(text)]))
            theirs = row.spent.get("observers", 0.0) + row.seconds - sum(row.spent.values())
            spent = {**row.spent, "observers": theirs}
            connection.execute(sa.update(table).where(ours).values(note=note, spent=spent))

        self._write("remark", work)

    def _write(self, name: str, work: Callable[[Connection], T]) -> T:
        """One transaction, in which the run is still ours."""

        def ours(connection: Connection) -> T:
            self.lease.renew(connection)
            return work(connection)

        return _write(self._database, name, ours)


def _write(database: Database, name: str, work: Callable[[Connection], T]) -> T:
    def ended(connection: Connection) -> T:
        result = work(connection)
        faults.point(name)
        return result

    result = database.write(ended)
    faults.point(name)
    return result
