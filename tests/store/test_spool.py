"""A database that is locked or full: it is waited for, nothing is half written, and a result is kept beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tests.store.conftest import begin
from workbench.errors import StoreError, StoreFailure
from workbench.store import check, postgresql, queries, resuming, schema, spool, sqlite
from workbench.store.cleaning import delete_run
from workbench.store.database import Database
from workbench.store.rows import FinalistRow, RunRow, TrialRow
from workbench.store.writer import RunWriter

BUSY = "database is locked|another writer has kept it busy"
NDCG = {"ndcg@10": (0.25, 0.2, 0.3), "hit@10": (0.5, None, None)}
VALUES = {"state": "complete", "objective": 0.25, "draws": 1, "fit_seconds": 1.5, "reason": "a\0b"}


@pytest.fixture
def hasty(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The same database, for which nobody waits longer than a moment."""
    for module in (sqlite, postgresql):
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.1)
    with closing(again(database)) as opened:
        yield opened


def again(database: Database) -> Database:
    return Database(database.engine.url.render_as_string(hide_password=False))


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Another writer is in the middle of something."""
    begun, end = threading.Event(), threading.Event()

    def work(_: Connection) -> None:
        begun.set()
        end.wait(60)

    with closing(again(database)) as other, ThreadPoolExecutor(1) as pool:
        working = pool.submit(other.write, work)
        begun.wait(60)
        try:
            yield
        finally:
            end.set()
            working.result()


def started(writer: RunWriter, number: int = 1) -> str:
    row = TrialRow(f"{number:032d}", number, "popular", "p", {}, 0, 1, "cpu")
    writer.trial_started(row)
    return row.uuid


def spools(database: Database) -> list[Path]:
    return list(database.beside("any").parent.glob("*.spool"))


def test_a_locked_database_is_waited_for(database: Database, writer: RunWriter) -> None:
    with ThreadPoolExecutor(1) as pool:
        with locked(database):
            waiting = pool.submit(started, writer)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        waiting.result()
    assert len(resuming.records(database, 1)) == 1


def test_a_result_that_a_locked_database_does_not_take_is_stored_when_the_run_is_resumed(
    hasty: Database, run_row: RunRow
) -> None:
    writer = begin(hasty, run_row, [])
    first, second, third = (started(writer, number) for number in (1, 2, 3))
    with locked(hasty):
        for trial in (first, second):
            with pytest.raises(StoreFailure, match=BUSY):
                writer.trial_ended(trial, VALUES, NDCG, [(1, 0.1), (2, 0.2)])
    assert [record["state"] for record in resuming.records(hasty, 1)] == ["running"] * 3
    assert len(spools(hasty)) == 1
    with spools(hasty)[0].open("a") as file:
        file.write('{"trial": "' + third)  # cut short, as by a kill
    RunWriter.take_over(hasty, 1, run_row, [], lambda: 0.0)
    assert spools(hasty) == []
    assert [record["state"] for record in resuming.records(hasty, 1)] == ["complete", "complete", "crashed"]
    shown = queries.trial(hasty, first)
    assert (shown["objective"], shown["fit_seconds"], shown["reason"]) == (0.25, 1.5, "a\\x00b")
    assert shown["valid"]["ndcg@10"] == {"value": 0.25, "low": 0.2, "high": 0.3}
    assert shown["reports"] == [[1, 0.1], [2, 0.2]]


def test_a_result_that_a_full_disk_cut_short_does_not_spoil_the_next(hasty: Database) -> None:
    run, results = "a" * 32, [{"trial": name, "values": {}, "valid": {}, "reports": []} for name in ("naïve", "b", "c")]
    path = spool.save(hasty, run, results[0])
    path.write_bytes(path.read_bytes() + b'{"trial": "b", "val')
    assert spool.load(hasty, run) == results[:1]
    for result in results[1:]:
        spool.save(hasty, run, result)
    assert spool.load(hasty, run) == results


def test_what_is_stored_already_is_not_stored_again(hasty: Database, run_row: RunRow) -> None:
    """As after a kill between the takeover and the end of the spool."""
    writer = begin(hasty, run_row, [])
    trial = started(writer)
    with locked(hasty), pytest.raises(StoreFailure):
        writer.trial_ended(trial, VALUES, NDCG)
    kept = spools(hasty)[0].read_bytes()
    RunWriter.take_over(hasty, 1, run_row, [], lambda: 0.0)
    before = queries.trial(hasty, trial)
    spool._path(hasty, writer.lease.uuid).write_bytes(kept)
    RunWriter.take_over(hasty, 1, run_row, [], lambda: 0.0)
    assert queries.trial(hasty, trial) == before
    assert spools(hasty) == []


def test_a_deleted_run_leaves_no_spool(hasty: Database, run_row: RunRow) -> None:
    writer = begin(hasty, run_row, [])
    trial = started(writer)
    with locked(hasty), pytest.raises(StoreFailure):
        writer.trial_ended(trial, VALUES, NDCG)
    delete_run(hasty, 1)
    assert spools(hasty) == []


@contextmanager
def full(database: Database, spare: int = 0) -> Iterator[None]:
    """No room in the file but for so many pages."""

    def limit(connection: Any, _: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + spare}")

    sa.event.listen(database.engine, "connect", limit)
    database.engine.dispose()
    yield
    sa.event.remove(database.engine, "connect", limit)
    database.engine.dispose()


def count(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


@pytest.mark.parametrize("spare", [0, 1, 5, 40])
def test_a_full_database_takes_all_of_a_file_or_none_and_goes_on_when_there_is_room(
    database: Database, writer: RunWriter, tmp_path: Path, spare: int
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(np.random.default_rng(0).bytes(300_000))
    trial = started(writer)
    with full(database, spare):
        with pytest.raises(StoreFailure, match="database or disk is full"):
            for number in range(2, 400):
                writer.stage(folder)
                writer.trial_ended(started(writer, number), {**VALUES, "traceback": "x" * 5000}, NDCG)
        assert count(database, schema.artifact) == 0
    assert check.problems(database) == []
    with database.read() as connection:
        incomplete = connection.execute(sa.select(schema.trial).where(schema.trial.c.state == "complete")).all()
        assert len(incomplete) * 2 == count(database, schema.trial_metric)
    writer.finalists_ended({trial: FinalistRow({"final_rank": 1}, NDCG)}, {trial: writer.stage(folder)})
    assert check.problems(database) == []
    assert count(database, schema.artifact) == 1


def test_where_the_spool_cannot_be_written_either_the_database_is_the_reason(
    hasty: Database, run_row: RunRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: Any) -> Path:
        raise OSError(28, "No space left on device")

    writer = begin(hasty, run_row, [])
    trial = started(writer)
    monkeypatch.setattr(spool, "save", no_room)
    with locked(hasty), pytest.raises(StoreFailure, match=BUSY):
        writer.trial_ended(trial, VALUES, NDCG)


def test_a_row_that_the_schema_refuses_is_no_failure_of_the_database(
    database: Database, writer: RunWriter, start_trial: Callable[..., str]
) -> None:
    with pytest.raises(StoreError, match=r"(?i)check") as caught:
        writer.trial_ended(start_trial(), {"state": "no such state"}, {})
    assert not isinstance(caught.value, StoreFailure)
    assert spools(database) == []
