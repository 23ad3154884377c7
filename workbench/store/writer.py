"""Writing one run: trials are inserted as running and completed in one transaction."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.store import artifacts, schema
from workbench.store.database import Database

Measured = Mapping[str, tuple[float, float | None, float | None]]
"""Metric -> (value, low, high)."""


@dataclass(frozen=True)
class RunRow:
    """What is known when a run begins; field by field as in the tables `dataset`, `board` and `run`."""

    task: str
    dataset: str
    fingerprint: str
    facts: Mapping[str, Any]
    split: str
    metric: str
    direction: str
    name: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    split_summary: str
    leakage: Sequence[str]
    baseline: str
    budget_seconds: float | None


@dataclass(frozen=True)
class ModelRow:
    """One model of a run, as in table `run_model`."""

    model: str
    plugin: str
    version: str
    state: str
    reason: str = ""
    space: Mapping[str, Any] = field(default_factory=dict)
    estimated_seconds: float | None = None
    estimated_bytes: int | None = None


@dataclass(frozen=True)
class TrialRow:
    """What is known when a trial begins, as in table `trial`."""

    uuid: str
    number: int
    model: str
    plugin: str
    params: Mapping[str, Any]
    seed: int
    threads: int
    device: str


@dataclass(frozen=True)
class FinalistRow:
    """What selection and test found of one trial.

    Args:
        values: columns of table `trial`.
        test: metrics on test.
        groups: the same broken down, each as in table `trial_group`, in order.
    """

    values: Mapping[str, Any]
    test: Measured = field(default_factory=dict)
    groups: Sequence[Mapping[str, Any]] = ()


class RunWriter:
    """The rows of one run.

    Args:
        database: open.
        row: what is known now.
        models: what became of each model.
    """

    def __init__(self, database: Database, row: RunRow, models: Sequence[ModelRow]) -> None:
        self._database = database
        self._trials: dict[str, int] = {}
        identity = uuid.uuid4().hex

        def begin(connection: Connection) -> tuple[int, int]:
            board = _board(connection, row)
            run = _insert(
                connection,
                schema.run,
                {
                    "uuid": identity,
                    "name": _clean(row.name),
                    "task": row.task,
                    "board_id": board,
                    "state": "running",
                    "settings": _clean(dict(row.settings)),
                    "versions": dict(row.versions),
                    "split_summary": row.split_summary,
                    "leakage": list(row.leakage),
                    "baseline": row.baseline,
                    "budget_seconds": row.budget_seconds,
                    "started_at": now(),
                },
            )
            for model in models:
                values = {key: _clean(value) for key, value in vars(model).items()}
                connection.execute(sa.insert(schema.run_model).values(run_id=run, **values))
            return board, run

        self._board, self.run = database.write(begin)

    def trial_started(self, row: TrialRow) -> None:
        """Insert a trial as running, with its params."""

        def insert(connection: Connection) -> int:
            values = {key: _clean(value) for key, value in vars(row).items()}
            values.update(run_id=self.run, board_id=self._board, state="running", started_at=now())
            key = _insert(connection, schema.trial, values)
            rows = [{"trial_id": key, "name": name, **_indexed(value)} for name, value in row.params.items()]
            if rows:
                connection.execute(sa.insert(schema.trial_param), rows)
            return key

        self._trials[row.uuid] = self._database.write(insert)

    def trial_ended(
        self,
        trial: str,
        values: Mapping[str, Any],
        valid: Measured,
        reports: Sequence[tuple[int, float]] = (),
    ) -> None:
        """Complete a trial: its columns, metrics on valid and reports, in one transaction."""

        def complete(connection: Connection) -> None:
            self._update(connection, trial, {**values, "finished_at": now()})
            _put_metrics(connection, self._trials[trial], "valid", valid)
            rows = [
                {"trial_id": self._trials[trial], "step": step, "value": value} for step, value in dict(reports).items()
            ]
            if rows:
                connection.execute(sa.insert(schema.trial_report), rows)

        self._database.write(complete)

    def search_ended(self, models: Mapping[str, Mapping[str, Any]]) -> None:
        """Write what each model got of the search: model -> columns of `run_model`, all in one transaction."""
        table = schema.run_model

        def write(connection: Connection) -> None:
            for model, values in models.items():
                cleaned = {key: _clean(value) for key, value in values.items()}
                connection.execute(
                    sa.update(table).where(table.c.run_id == self.run, table.c.model == model).values(**cleaned)
                )

        self._database.write(write)

    def finalists_ended(self, finalists: Mapping[str, FinalistRow]) -> None:
        """Write what selection and test found of trials, all in one transaction."""

        def update(connection: Connection) -> None:
            for trial, row in finalists.items():
                self._update(connection, trial, row.values)
                _put_metrics(connection, self._trials[trial], "test", row.test)
                _put_groups(connection, self._trials[trial], row.groups)

        self._database.write(update)

    def keep(self, kind: str, folder: Path, trial: str | None = None) -> None:
        """Store a folder's files as an artifact of the run, or of one trial."""
        artifacts.put(self._database, self.run, None if trial is None else self._trials[trial], kind, folder)

    def finish(self, state: str, reason: str, spent: Mapping[str, float]) -> None:
        """Close the run, which has spent so many seconds on each of its stages."""

        def close(connection: Connection) -> None:
            connection.execute(
                sa.update(schema.run)
                .where(schema.run.c.id == self.run)
                .values(
                    state=state,
                    reason=_clean(reason),
                    seconds=sum(spent.values()),
                    spent=dict(spent),
                    finished_at=now(),
                )
            )
            # Nothing runs any more; a row that says so would be believed.
            connection.execute(
                sa.update(schema.trial)
                .where(schema.trial.c.run_id == self.run, schema.trial.c.state == "running")
                .values(state="cancelled", reason="the run ended", finished_at=now())
            )

        self._database.write(close)

    def _update(self, connection: Connection, trial: str, values: Mapping[str, Any]) -> None:
        cleaned = {key: _clean(value) for key, value in values.items()}
        connection.execute(sa.update(schema.trial).where(schema.trial.c.id == self._trials[trial]).values(**cleaned))


def now() -> datetime:
    """UTC, without a zone, as the tables keep times."""
    return datetime.now(UTC).replace(tzinfo=None)


def _board(connection: Connection, row: RunRow) -> int:
    dataset = _find_or_insert(
        connection,
        schema.dataset,
        {"task": row.task, "fingerprint": row.fingerprint},
        {"name": _clean(row.dataset), "facts": _clean(dict(row.facts))},
    )
    key = {"dataset_id": dataset, "task": row.task, "split": row.split, "metric": row.metric}
    return _find_or_insert(connection, schema.board, key, {"direction": row.direction})


def _find_or_insert(connection: Connection, table: sa.Table, key: Mapping[str, Any], rest: Mapping[str, Any]) -> int:
    """The id of the row with this key; the transaction is exclusive, so none can come between."""
    where = [table.c[name] == value for name, value in key.items()]
    found = connection.execute(sa.select(table.c.id).where(*where)).scalar()
    return _insert(connection, table, {**key, **rest}) if found is None else int(found)


def _insert(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert a row; returns its id."""
    key = connection.execute(sa.insert(table).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _put_metrics(connection: Connection, trial: int, part: str, measured: Measured) -> None:
    rows = [
        {"trial_id": trial, "part": part, "name": name, "value": value, "low": _clean(low), "high": _clean(high)}
        for name, (value, low, high) in measured.items()
    ]
    if rows:
        connection.execute(sa.insert(schema.trial_metric), rows)


def _put_groups(connection: Connection, trial: int, groups: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        {"trial_id": trial, "position": position, **{key: _clean(value) for key, value in group.items()}}
        for position, group in enumerate(groups, 1)
    ]
    if rows:
        connection.execute(sa.insert(schema.trial_group), rows)


def _indexed(value: Any) -> dict[str, Any]:
    """A hyperparameter as a number where it is one, and as text."""
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return {"number": _clean(number), "text": _clean(value if isinstance(value, str) else str(value))}


def _clean(value: Any) -> Any:
    """Without NUL characters, lone surrogates and numbers that are none, which not every database takes."""
    match value:
        case str():
            return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {_clean(key): _clean(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_clean(inner) for inner in value]
    return value
