"""Leaderboards, runs and trials as they are read back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.store.conftest import begin
from workbench.errors import StoreError, UnknownName, UserError
from workbench.store import queries, schema
from workbench.store.database import Database
from workbench.store.rows import FinalistRow, RunRow
from workbench.store.writer import RunWriter

DIGITS = "0123456789abcdef"


def padded(start: str) -> str:
    return start.ljust(32, "0")


def test_more_draws_come_first_then_the_larger_objective(database: Database, score_trial: Callable[..., str]) -> None:
    for objective, draws in ((0.9, 1), (0.2, 5), (0.5, 5), (0.95, 1), (0.7, 3), (0.1, 1)):
        score_trial(objective, draws)
    board = queries.leaderboard(database, 1)
    assert [(row["draws"], row["valid"]) for row in board] == [
        (5, 0.5),
        (5, 0.2),
        (3, 0.7),
        (1, 0.95),
        (1, 0.9),
        (1, 0.1),
    ]
    assert [row["rank"] for row in board] == [1, 2, 3, 4, 5, 6]


def test_only_scored_trials_are_on_a_leaderboard(
    database: Database, score_trial: Callable[..., str], start_trial: Callable[..., str]
) -> None:
    start_trial()
    score_trial(None)
    score_trial(0.9, state="invalid")
    score_trial(0.8, state="pruned")
    score_trial(0.5)
    assert [row["valid"] for row in queries.leaderboard(database, 1)] == [0.5]


def test_a_metric_to_minimise_is_shown_as_it_is_measured(
    database: Database, run_row: RunRow, score_trial: Callable[..., str]
) -> None:
    writer = begin(database, replace(run_row, metric="rmse", direction="minimize"), [])
    score = {"board_id": 2, "run_id": writer.run, "state": "complete", "draws": 1, "started_at": sa.func.now()}
    rest = {"model": "m", "plugin": "p", "params": {}, "seed": 0, "threads": 1, "device": "cpu"}
    for number, objective in enumerate((-0.9, -0.8), 1):
        row = {**score, **rest, "uuid": padded(str(number)), "number": number, "objective": objective}
        database.write(lambda connection, row=row: connection.execute(sa.insert(schema.trial).values(**row)))
    assert [row["valid"] for row in queries.leaderboard(database, 2)] == [0.8, 0.9]


def test_a_leaderboard_can_be_cut_and_narrowed(
    database: Database, run_row: RunRow, writer: RunWriter, score_trial: Callable[..., str]
) -> None:
    finalist = score_trial(0.5)
    score_trial(0.4)
    begin(database, run_row, [])
    writer.finalists_ended({finalist: FinalistRow({"final_rank": 1})}, {})
    assert len(queries.leaderboard(database, 1, top=1)) == 1
    assert len(queries.leaderboard(database, 1, top=None)) == 2
    assert len(queries.leaderboard(database, 1, run=writer.run)) == 2
    assert queries.leaderboard(database, 1, run=2) == []
    assert queries.leaderboard(database, 99) == []


def test_the_top_of_a_board_is_read_from_the_index_without_sorting(database: Database) -> None:
    with closing(sqlite3.connect(database.name)) as connection:
        connection.execute("INSERT INTO dataset VALUES (1, 't', 'f', 'd', '{}')")
        connection.execute("INSERT INTO board VALUES (1, 1, 't', 's', 'm', 'maximize')")
        connection.execute(
            "INSERT INTO run (id, uuid, name, task, plugin, version, board_id, state, settings, versions, "
            "split_summary, leakage, baseline, started_at, owner_host, owner_boot, owner_process, owner_started, "
            "owner_since, owner_seen, fence) VALUES (1, 'u', '', 't', 'p', '1', 1, 'complete', '{}', '{}', "
            "'', '[]', 'b', '2026-01-01', 'h', 'b', 1, 1.0, '2026-01-01', '2026-01-01', 1)"
        )
        connection.executemany(
            "INSERT INTO trial (id, uuid, run_id, board_id, number, model, plugin, state, params, seed, objective, "
            "draws, threads, device, started_at) "
            "VALUES (?, ?, 1, 1, ?, 'm', 'p', 'complete', '{}', 0, ?, ?, 1, 'cpu', '2026-01-01')",
            [(n, f"{n:032x}", n, n * 7919 % 3000, 1 + n % 2) for n in range(1, 3001)],
        )
        connection.commit()
    asked: list[tuple[str, Any]] = []
    sa.event.listen(
        database.engine,
        "before_cursor_execute",
        lambda c, cursor, statement, values, *_: asked.append((statement, values)),
    )
    board = queries.leaderboard(database, 1, top=20)
    assert [row["draws"] for row in board] == [2] * 20
    assert [row["valid"] for row in board] == sorted((row["valid"] for row in board), reverse=True)
    statement, values = next((text, given) for text, given in asked if "FROM leaderboard" in text)
    with closing(sqlite3.connect(database.name)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert any("USING INDEX ix_trial_board (board_id=?)" in line for line in plan), plan
    assert not any("TEMP B-TREE" in line or line.startswith("SCAN trial") for line in plan), plan


def test_boards_are_found_by_task_data_metric_and_run(database: Database, run_row: RunRow, writer: RunWriter) -> None:
    other = replace(run_row, dataset="100%_real.csv", fingerprint="abc" + "0" * 61, metric="recall@10")
    second = begin(database, other, [])
    assert [board["last_run"] for board in queries.boards(database)] == [second.run, writer.run]
    assert [board["id"] for board in queries.boards(database, data="abc")] == [2]
    assert [board["id"] for board in queries.boards(database, data="ratings.csv")] == [1]
    assert queries.boards(database, data="%") == []
    assert queries.boards(database, data="_") == []
    assert [board["id"] for board in queries.boards(database, metric="recall@10")] == [2]
    assert [board["id"] for board in queries.boards(database, run=writer.run)] == [1]
    assert queries.boards(database, task="rate") == []


def test_a_trial_is_found_by_any_prefix_of_its_id(database: Database, score_trial: Callable[..., str]) -> None:
    id = score_trial(0.5, id=padded("abcdef"))
    for length in (1, 4, 31, 32):
        assert queries.find_trial(database, id[:length])["uuid"] == id
    assert queries.find_trial(database, f" {id[:5].upper()} ")["trial"] == "abcd"


@pytest.mark.parametrize("prefix", ["ffff", "", "   ", "%", "____", "abc%", "a\0", "abcdé", "'; DROP TABLE trial; --"])
def test_a_trial_that_is_not_there_is_said_so(database: Database, score_trial: Callable[..., str], prefix: str) -> None:
    score_trial(0.5, id=padded("abcd"))
    with pytest.raises(UnknownName, match=r"no trial .*; workbench leaderboard lists them"):
        queries.find_trial(database, prefix)


def test_a_prefix_of_several_trials_is_refused_with_what_to_say(
    database: Database, score_trial: Callable[..., str]
) -> None:
    for start in ("abcd1", "abcd2"):
        score_trial(0.5, id=padded(start))
    with pytest.raises(UserError) as caught:
        queries.find_trial(database, "abc")
    assert str(caught.value) == "trial 'abc' is ambiguous: abcd1, abcd2; give more digits"
    score_trial(0.5, id=padded("abcd3"))
    with pytest.raises(UserError, match=r"abcd1, abcd2, \.\.\.; give more digits"):
        queries.find_trial(database, "abc")


def test_a_trial_of_a_model_that_its_run_does_not_know_is_damage() -> None:
    run = {"run": 3, "models": [{"model": "ease", "version": "1.2"}]}
    assert queries.version_of(run, "ease") == "1.2"
    with pytest.raises(StoreError, match="run 3 is damaged: it has a trial of model 'als', which it never searched"):
        queries.version_of(run, "als")


def test_a_run_that_is_not_there_is_said_so(database: Database) -> None:
    with pytest.raises(UnknownName, match="no run '7'; workbench runs lists them"):
        queries.run(database, 7)


alike = st.lists(
    st.text(DIGITS, min_size=1, max_size=6).map(lambda start: padded("abc" + start)),
    min_size=1,
    max_size=12,
    unique=True,
)
mixed = st.lists(st.text(DIGITS, min_size=32, max_size=32), min_size=1, max_size=12, unique=True)


@pytest.fixture(scope="module")
def trials_alone(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    """A table of trials that only has ids."""
    engine = sa.create_engine(f"sqlite:///{tmp_path_factory.mktemp('ids') / 'ids.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE trial (uuid TEXT PRIMARY KEY)")
    return engine


@given(st.one_of(alike, mixed), st.data())
def test_a_short_id_means_one_trial_and_is_as_short_as_can_be(
    trials_alone: sa.Engine, ids: list[str], data: st.DataObject
) -> None:
    asked = data.draw(st.lists(st.sampled_from(ids), unique=True))
    with trials_alone.begin() as connection:
        connection.exec_driver_sql("DELETE FROM trial")
        connection.exec_driver_sql("INSERT INTO trial VALUES (?)", [(id,) for id in ids])
        short = queries.short_ids(connection, asked)
    assert list(short) == asked
    for id, prefix in short.items():
        assert len(prefix) >= queries.MIN_PREFIX
        assert [other for other in ids if other.startswith(prefix)] == [id]
        if len(prefix) > queries.MIN_PREFIX:
            assert len([other for other in ids if other.startswith(prefix[:-1])]) > 1


def test_finalists_are_in_the_order_that_their_run_gave_them(
    database: Database, writer: RunWriter, score_trial: Callable[..., str]
) -> None:
    ids = [score_trial(value, id=padded(name)) for value, name in ((0.5, "aa"), (0.49, "bb"), (0.3, "cc"), (0.4, "dd"))]
    ranks = {id: FinalistRow({"final_rank": rank, "draws": 5}) for id, rank in zip(ids[:3], (2, 1, 3), strict=True)}
    writer.finalists_ended(ranks, {})
    rows = queries.leaderboard(database, 1)
    assert [(row["rank"], row["valid"]) for row in rows] == [(1, 0.49), (2, 0.5), (3, 0.3), (4, 0.4)]


def test_runs_come_newest_first_with_their_best_trial(
    database: Database, run_row: RunRow, writer: RunWriter, score_trial: Callable[..., str]
) -> None:
    best = score_trial(0.5, id=padded("beef"))
    writer.finalists_ended({best: FinalistRow({"final_rank": 1, "draws": 5}, {"ndcg@10": (0.4, None, None)})}, {})
    writer.finish("complete", "", {"search": 2.0})
    with begin(database, run_row, []).lease.held():
        newest, oldest = queries.runs(database)
    assert (newest["run"], newest["state"], newest["best_trial"]) == (2, "running", None)
    assert (oldest["best_trial"], oldest["best_valid"], oldest["best_test"]) == ("beef", 0.5, 0.4)
    assert (oldest["trials"], oldest["complete_trials"]) == (1, 1)
    assert oldest["finished_at"].endswith("Z")
    assert len(queries.runs(database, limit=1)) == 1


RELEASED = Path(__file__).parent.parent / "databases"


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A copy of the database of schema 1, so that the one in the repository stays as released."""
    path = tmp_path / "released.db"
    path.write_bytes((RELEASED / "schema-1.db").read_bytes())
    return path


def expected(name: str) -> Any:
    """What `make.py` noted when it made the database."""
    return json.loads((RELEASED / "schema-1.json").read_text(encoding="utf-8"))[name]


def test_a_released_database_of_schema_1_is_upgraded_in_place(released: Path, workbench: Any) -> None:
    assert workbench("db", "upgrade", "--db", f"sqlite:///{released}").code == 0
    assert workbench("db", "check", "--db", f"sqlite:///{released}").code == 0


def test_a_released_database_of_schema_1_has_the_leaderboard_it_had(released: Path, workbench: Any) -> None:
    called = workbench("leaderboard", "--json", "--db", f"sqlite:///{released}")
    assert called.code == 0, called.err
    for row, was in zip(called.json["leaderboard"], expected("leaderboard"), strict=True):
        for name, value in was.items():
            assert row[name] == value, name


def test_a_released_database_of_schema_1_shows_its_trials_and_run(released: Path, workbench: Any) -> None:
    was = expected("trial")
    trial = workbench("show", was["trial"], "--json", "--db", f"sqlite:///{released}").json
    for name, value in was.items():
        assert trial[name] == value, name
    run = workbench("show", "1", "--json", "--db", f"sqlite:///{released}").json
    for name, value in expected("run").items():
        assert run[name] == value, name


def test_the_models_of_a_released_database_of_schema_1_answer_as_they_did(released: Path, workbench: Any) -> None:
    for trial, answers in expected("predict").items():
        called = workbench("predict", trial, "--users", "u1,u7", "-k", "3", "--json", "--db", f"sqlite:///{released}")
        assert called.code == 0, called.err
        rows = called.json["predictions"]
        assert [(row["user"], row["rank"], row["item"]) for row in rows] == [tuple(row[:3]) for row in answers]
        assert [row["score"] for row in rows] == pytest.approx([row[3] for row in answers], rel=1e-5)
