"""Going on with a run from Python: what it needs, what adds up, and what stands until there is better."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pytest

import workbench
from tests.execution.conftest import FAULTY
from workbench.errors import DataError, RunStopped, SettingsError, UnknownName
from workbench.result import RunResult
from workbench.session import Session, _sorted, resume
from workbench.settings import RunSettings
from workbench.shortage import NO_ROOM
from workbench.store import queries, resuming
from workbench.store.database import Database
from workbench.store.writer import OWNER_LOST
from workbench_recommend.task import made_up_ratings

SMALL: dict[str, Any] = {"models": "popular,ease", "workers": 1}


@pytest.fixture
def table() -> pa.Table:
    return made_up_ratings(seed=1, users=40, items=30)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/workbench.db"


def records(url: str) -> list[dict[str, Any]]:
    """Of what the search tried."""
    return [record for record in resuming.records(Database(url), 1) if record["model"] != "ensemble"]


def board(result: RunResult) -> list[tuple[Any, ...]]:
    """An ensemble's params are its members' ids, which are others each time."""
    return [
        (row["model"], row["model"] == "ensemble" or row["params"], row["draws"], row["valid"], row["test"])
        for row in result.leaderboard
    ]


def test_a_finished_run_is_given_more_trials_and_ends_as_one_that_had_them_at_once(
    table: pa.Table, url: str, tmp_path: Path
) -> None:
    first = workbench.run("recommend", table, db=url, trials=3, **SMALL)
    more = workbench.resume(1, table, trials=7, db=url)
    whole = workbench.run("recommend", table, db=f"sqlite:///{tmp_path}/whole.db", trials=7, **SMALL)
    assert board(more) == board(whole)
    numbers = [record["number"] for record in records(url)]
    assert numbers == sorted(set(numbers)) and len(numbers) == 7, "an ensemble may have taken one between"
    assert more.summary["seconds"] > first.summary["seconds"]
    for stage, seconds in first.summary["spent"].items():
        assert more.summary["spent"][stage] > seconds
    assert sum(more.summary["spent"].values()) == pytest.approx(more.summary["seconds"], abs=0.5)
    assert len(more.summary["kept"]) >= 2, "members of an ensemble are kept too"


def test_a_finished_run_is_given_more_time(table: pa.Table, url: str) -> None:
    first = workbench.run("recommend", table, db=url, trials=3, **SMALL)
    more = workbench.resume(1, table, time="3s", db=url)
    assert sum(more.summary["trials"].values()) > 3, "the bound that was reached no longer holds"
    assert more.summary["budget_seconds"] == pytest.approx(first.summary["seconds"] + 3)
    assert (more.summary["state"], more.leaderboard[0]["draws"] >= 1) == ("complete", True)


def test_a_finished_run_without_more_to_do_says_what_to_give_it(table: pa.Table, url: str) -> None:
    workbench.run("recommend", table, db=url, trials=3, **SMALL)
    with pytest.raises(SettingsError, match=r"run 1 is complete; .*: workbench resume 1 --trials 6 or --time 10m"):
        workbench.resume(1, table, db=url)
    with pytest.raises(UnknownName, match="no run '7'; workbench runs lists them"):
        workbench.resume(7, table, db=url)


def test_a_table_in_memory_must_be_given_again(table: pa.Table, url: str) -> None:
    workbench.run("recommend", table, db=url, trials=2, **SMALL)
    with pytest.raises(SettingsError, match=r"data as a table in memory; .* workbench.resume\(1, data=\.\.\.\)"):
        workbench.resume(1, trials=3, db=url)


def test_other_data_is_refused_and_equal_data_is_not(table: pa.Table, url: str, tmp_path: Path) -> None:
    workbench.run("recommend", table, db=url, trials=2, **SMALL)
    before = records(url)
    with pytest.raises(DataError, match="this is not the data of run 1 any more; start a new run"):
        workbench.resume(1, table.slice(1), trials=3, db=url)
    assert records(url) == before
    assert queries.run(Database(url), 1)["state"] == "complete"
    pc.write_csv(table, tmp_path / "elsewhere.csv")
    more = workbench.resume(1, tmp_path / "elsewhere.csv", trials=3, db=url)
    assert more.summary["trials"] == {"complete": 3}


def test_a_ranking_on_more_draws_stands_when_the_next_session_has_no_time_for_as_many(
    table: pa.Table, url: str
) -> None:
    first = workbench.run("recommend", table, db=url, trials=4, keep=1, **SMALL)
    again = workbench.resume(1, table, time=0.01, db=url)
    assert board(again) == board(first)
    assert again.summary["kept"] == first.summary["kept"]
    assert again.summary["state"] == "complete"


def test_the_same_settings_go_on_from_anywhere(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pc.write_csv(made_up_ratings(seed=1, users=40, items=30), "ratings.csv")
    Path("items.csv").write_text("item,title\ni1,One\n")
    options = {"item_column": "item", "item_table": "items.csv"}
    settings = {"set": {"ease.l2": 77.0}, "seed": 5, "split": "user-random", "options": options}
    workbench.run("recommend", "ratings.csv", db=url, trials=2, **SMALL, **settings)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    workbench.resume(1, trials=4, db=url)
    found = records(url)
    assert {record["params"].get("l2") for record in found} == {None, 77.0}
    assert len(found) == 4


def test_what_was_lost_with_its_owner_is_tried_once_more_and_not_for_ever(table: pa.Table, url: str) -> None:
    def lose(number: int) -> None:
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            query = "UPDATE trial SET state = 'crashed', reason = ?, objective = NULL WHERE number = ?"
            connection.execute(query, (OWNER_LOST, number))
            connection.commit()

    def settings() -> list[str]:
        return [str(record["params"]) for record in records(url) if record["model"] == "ease"]

    workbench.run("recommend", table, db=url, trials=3, **SMALL)
    last = records(url)[-1]
    lose(last["number"])
    workbench.resume(1, table, trials=3, db=url)
    assert settings().count(str(last["params"])) == 2
    again = records(url)[-1]
    assert (again["state"], again["params"]) == ("complete", last["params"])
    lose(again["number"])
    workbench.resume(1, table, trials=5, db=url)
    assert settings().count(str(last["params"])) == 2
    assert records(url)[-1]["state"] == "complete"


def test_a_full_disk_stops_a_run_that_goes_on_as_if_there_had_been_room(
    table: pa.Table, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(FAULTY)
    monkeypatch.setenv("PYTHONPATH", str(FAULTY), prepend=os.pathsep)
    monkeypatch.setenv("FAULTY_DISK", "full")
    with pytest.raises(RunStopped, match=r"no room left on the disk of .*TMPDIR.*; run 1 has stopped"):
        workbench.run("recommend", table, db=url, trials=3, workers=1, models="popular,lacks-room")
    assert queries.run(Database(url), 1)["state"] == "interrupted"
    assert [record["state"] for record in records(url)] == ["complete", "failed"]
    monkeypatch.delenv("FAULTY_DISK")
    workbench.resume(1, table, db=url)
    popular, failed, again, last = records(url)
    assert again["params"] == failed["params"], "it is tried once more, and counts as one"
    assert [popular["state"], again["state"], last["state"]] == ["complete"] * 3


def test_a_resume_takes_no_more_than_this_machine_has_and_says_so(
    table: pa.Table, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbench.run("recommend", table, db=url, trials=2, **SMALL)
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE run SET settings = json_set(settings, '$.workers', 256, '$.threads', 256)")
        connection.commit()
    monkeypatch.setattr("workbench.session.available_cores", lambda: 3)
    session = resume(url, 1, trials=3, data=table)
    assert (session.settings.worker_count, session.settings.thread_count) == (3, 3)
    workers, threads = session.notices
    assert workers.startswith("3 workers, not 256") and threads.startswith("3 threads, not 256")


def test_what_failed_for_a_full_disk_is_tried_once_more_and_not_for_ever() -> None:
    record = {"number": 1, "model": "a", "params": {"x": 1}, "state": "failed", "reason": f"{NO_ROOM} /tmp"}
    own = {**record, "number": 2, "params": {"x": 2}, "reason": "OSError: no such file"}
    assert _sorted([record, own]) == ([own], [record])
    assert _sorted([record, {**record, "number": 3}])[1] == []


def test_what_is_left_of_the_budget_is_what_a_session_may_take(table: pa.Table, url: str) -> None:
    workbench.run("recommend", table, db=url, time=60, trials=2, name="x", **SMALL)
    seconds = queries.run(Database(url), 1)["seconds"]
    left = resume(url, 1, trials=5, data=table)
    assert left.settings.time == pytest.approx(60 - seconds)
    assert (left.settings.trials, left.settings.name, left.settings.models) == (5, "x", ("popular", "ease"))
    new = resume(url, 1, time=7.0, data=table)
    assert (new.settings.time, new.settings.trials) == (7.0, None)


def test_time_that_nobody_wrote_down_is_booked_as_lost() -> None:
    session = Session(RunSettings("t", trials=1), 1, seconds=10.0, spent={"read": 1.0, "search": 4.0})
    assert session.total({"read": 2.0, "search": 1.0}) == {"read": 3.0, "search": 5.0, "lost": 5.0}
    again = Session(RunSettings("t", trials=1), 1, seconds=13.0, spent=session.total({"read": 2.0, "search": 1.0}))
    assert again.total({}) == {"read": 3.0, "search": 5.0, "lost": 5.0}


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_wall_clock_that_is_set_moves_no_deadline_and_no_duration(
    table: pa.Table, url: str, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    real, calls = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: real() + jump * (next(calls) % 2))
    result = workbench.run("recommend", table, db=url, time=600, trials=3, **SMALL)
    assert result.summary["trials"] == {"complete": 3}
    assert 0 < result.summary["seconds"] < 600
    assert all(0 <= record["fit_seconds"] < 600 for record in records(url))
    assert workbench.resume(1, table, trials=4, db=url).summary["trials"] == {"complete": 4}


def test_a_run_on_folds_goes_on_as_one_that_had_all_its_trials_at_once(
    table: pa.Table, url: str, tmp_path: Path
) -> None:
    workbench.run("recommend", table, db=url, trials=3, folds=2, **SMALL)
    more = workbench.resume(1, table, trials=5, db=url)
    whole = workbench.run("recommend", table, db=f"sqlite:///{tmp_path}/whole.db", trials=5, folds=2, **SMALL)
    assert board(more) == board(whole)
    assert {row["draws"] for row in more.leaderboard} == {2}
    shares = {row["model"]: row["trials"] for row in queries.run(Database(url), 1)["models"]}
    assert sum(shares.values()) == 5, "of all sessions together"
