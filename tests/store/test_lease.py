"""Who may write a run: one process at a time, and who was only asleep finds out before he writes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tests.store.conftest import begin
from workbench.errors import LostLease, StoreError, UserError
from workbench.owner import Owner, process_started
from workbench.store import lease, queries, resuming, schema
from workbench.store.cleaning import delete_run, sweep
from workbench.store.database import Database
from workbench.store.rows import FinalistRow, ModelRow, RunRow, TrialRow
from workbench.store.writer import OWNER_LOST, RunWriter

GONE = replace(Owner.here(), started=-1.0)
ELSEWHERE = replace(Owner.here(), host="elsewhere", boot="another", process=4242)
PARENT = replace(Owner.here(), process=os.getppid(), started=process_started(os.getppid()) or 0.0)


def owned_by(database: Database, owner: Owner, silent: float = 0.0) -> None:
    """Let run 1 belong to another process that has been silent for so many seconds of the database's clock."""

    def change(connection: Connection) -> None:
        now = connection.execute(sa.select(lease.DatabaseNow())).scalar_one()
        values = {f"owner_{key}": value for key, value in vars(owner).items()}
        connection.execute(sa.update(schema.run).values(**values, owner_seen=now - timedelta(seconds=silent)))

    database.write(change)


def take_over(database: Database, row: RunRow, seconds: float = 10.0) -> RunWriter:
    return RunWriter.take_over(database, 1, row, [ModelRow("ease", "p", "2", "searched")], lambda: seconds)


def started(number: int = 9) -> TrialRow:
    return TrialRow(f"{number:032d}", number, "popular", "p", {}, 0, 1, "cpu")


def silence(database: Database) -> float:
    with database.read() as connection:
        return queries.standings(connection)[1].silent


def contents(database: Database) -> list[Any]:
    with database.read() as connection:
        return [connection.execute(sa.select(table)).all() for table in schema.metadata.sorted_tables]


def test_a_run_is_held_by_who_began_it_and_lost_when_the_process_is_gone(
    database: Database, run_row: RunRow, writer: RunWriter
) -> None:
    shown = queries.run(database, 1)
    assert (shown["state"], f"process {Owner.here().process} on" in shown["owner"]) == ("running", True)
    owned_by(database, GONE)
    before = contents(database)
    assert queries.run(database, 1)["state"] == "lost"
    assert [row["state"] for row in queries.runs(database)] == ["lost"]
    assert contents(database) == before, "looking writes nothing"


def test_the_same_process_can_go_on_with_what_it_no_longer_holds(database: Database, run_row: RunRow) -> None:
    """As in a notebook, where the process outlives its runs."""
    begun = begin(database, run_row, [])
    with begun.lease.held():
        assert queries.run(database, 1)["state"] == "running"
        with pytest.raises(UserError, match=f"run 1 is running: process {Owner.here().process} on"):
            take_over(database, run_row)
    assert queries.run(database, 1)["state"] == "lost"
    take_over(database, run_row)


def test_a_gone_owner_is_followed_at_once_and_a_living_one_is_named(
    database: Database, run_row: RunRow, writer: RunWriter
) -> None:
    owned_by(database, GONE, silent=0)
    take_over(database, run_row)
    for silent, more in ((0, "$"), (50, r"; it is taken for lost after 60 s of silence, now 5\d s$")):
        owned_by(database, PARENT, silent)
        before = contents(database)
        named = r"run 1 is running: process \d+ on \S+ since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
        with pytest.raises(UserError, match=named + more):
            take_over(database, run_row)
        assert contents(database) == before


@pytest.mark.parametrize("owner", [ELSEWHERE, PARENT])
def test_an_owner_is_given_up_after_a_minute_of_silence(
    database: Database, run_row: RunRow, writer: RunWriter, owner: Owner
) -> None:
    """Also one that lives: a notebook whose run the database has stopped."""
    owned_by(database, owner, silent=50)
    with pytest.raises(UserError, match=r"since .* taken for lost after 60 s of silence, now 5"):
        take_over(database, run_row)
    with pytest.raises(UserError, match="run 1 is running"):
        delete_run(database, 1)
    owned_by(database, owner, silent=62)
    assert queries.run(database, 1)["state"] == "lost"
    take_over(database, run_row)


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_the_silence_is_measured_by_the_clock_of_the_database(
    database: Database, writer: RunWriter, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    owned_by(database, ELSEWHERE, silent=30)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    assert queries.run(database, 1)["state"] == "running"


def test_a_takeover_closes_what_ran_and_counts_on(
    database: Database, run_row: RunRow, writer: RunWriter, start_trial: Callable[..., str]
) -> None:
    done, running = start_trial(), start_trial()
    writer.trial_ended(done, {"state": "complete", "objective": 0.5}, {"ndcg@10": (0.5, None, None)})
    owned_by(database, GONE)
    taken = take_over(database, replace(run_row, budget_seconds=99.0))
    assert [(row["uuid"], row["state"], row["reason"]) for row in resuming.records(database, 1)] == [
        (done, "complete", ""),
        (running, "crashed", OWNER_LOST),
    ]
    with taken.lease.held():
        run = queries.run(database, 1)
    assert (run["state"], run["budget_seconds"], run["seconds"]) == ("running", 99.0, 3.0)
    assert {row["model"] for row in run["models"]} == {"popular", "ease"}
    with pytest.raises(StoreError, match=r"(?i)unique"):
        taken.trial_started(started(2))
    taken.trial_started(started(3))
    taken.finish("complete", "", {})
    assert queries.run(database, 1)["seconds"] == 10.0


WRITES: dict[str, Callable[[RunWriter, str, Path], Any]] = {
    "trial started": lambda writer, trial, folder: writer.trial_started(started()),
    "trial ended": lambda writer, trial, folder: writer.trial_ended(trial, {"state": "complete"}, {}),
    "stage": lambda writer, trial, folder: writer.stage(folder),
    "finalists": lambda writer, trial, folder: writer.finalists_ended({trial: FinalistRow({"final_rank": 1})}, {}),
    "finish": lambda writer, trial, folder: writer.finish("complete", "", {}),
}


@pytest.mark.parametrize("write", WRITES)
def test_every_write_of_who_was_only_asleep_is_refused_and_changes_nothing(
    database: Database, run_row: RunRow, writer: RunWriter, start_trial: Callable[..., str], tmp_path: Path, write: str
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"1")
    trial = start_trial()
    owned_by(database, GONE)
    take_over(database, run_row)
    before = contents(database)
    with pytest.raises(LostLease, match=r"run 1 was taken over by process \d+ on .*; this process stores nothing more"):
        WRITES[write](writer, trial, tmp_path / "model")
    assert contents(database) == before
    assert list(tmp_path.rglob("*.spool")) == []


def test_a_run_that_was_deleted_is_written_no_more(
    database: Database, writer: RunWriter, start_trial: Callable[..., str]
) -> None:
    owned_by(database, GONE)
    delete_run(database, 1)
    with pytest.raises(LostLease, match="run 1 was deleted while it ran"):
        start_trial()


def test_a_sign_of_life_is_given_while_the_owner_waits(
    database: Database, run_row: RunRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.01)
    begun = begin(database, run_row, [], 7.5)
    owned_by(database, Owner.here(), silent=1000)
    give_up = time.monotonic() + 60
    with begun.lease.held():
        while silence(database) > 900:
            assert time.monotonic() < give_up, "no sign of life"
            time.sleep(0.01)
    assert queries.run(database, 1)["seconds"] == 7.5


def test_every_write_is_a_sign_of_life(database: Database, writer: RunWriter, start_trial: Callable[..., str]) -> None:
    owned_by(database, Owner.here(), silent=1000)
    start_trial()
    assert silence(database) < 900


def test_space_comes_back_although_a_lost_run_says_that_it_runs(
    database: Database, writer: RunWriter, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"1")
    writer.stage(tmp_path / "model")
    assert sweep(database).blobs == 0, "they may be about to be named"
    owned_by(database, GONE)
    assert sweep(database).blobs == 1


def test_the_clock_reads_utc_on_both_databases() -> None:
    from sqlalchemy.dialects import postgresql, sqlite

    query = sa.select(lease.DatabaseNow(), schema.run.c.id)
    assert "CURRENT_TIMESTAMP" in str(query.compile(dialect=sqlite.dialect()))
    assert "timezone('utc', clock_timestamp())" in str(query.compile(dialect=postgresql.dialect()))
