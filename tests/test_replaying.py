"""A trial done again: equal to the last bit, or said where not."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Called, write_ratings

Cli = Callable[..., Called]
RUN = ("run", "--task", "recommend", "--data", "ratings.csv", "--workers", "1", "--split", "user-random")


@pytest.fixture(scope="module")
def folder(call: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run; to be left as it is."""
    folder = write_ratings(tmp_path_factory.mktemp("replayed")).parent
    assert call(folder, *RUN, "--models", "popular,ease,bpr", "--trials", "6").code == 0
    return folder


@pytest.fixture(scope="module")
def board(call: Cli, folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = call(folder, "leaderboard", "--json").json["leaderboard"]
    return [row for row in rows if row["model"] != "ensemble"]


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """A copy of the database, where commands find it by themselves."""
    return Path(shutil.copy(folder / "workbench.db", tmp_path))


def test_every_model_gives_again_what_it_gave(workbench: Cli, board: list[dict[str, Any]], copied: Path) -> None:
    for row in {row["model"]: row for row in board}.values():
        called = workbench("replay", row["trial"], "--json")
        assert (called.code, called.json["equal"], called.json["changed"]) == (0, True, {})
        assert {metric["metric"] for metric in called.json["metrics"]} >= {"ndcg@10", "coverage@10"}
        assert all(metric["stored"] == metric["now"] for metric in called.json["metrics"])
    assert "done again: equal" in workbench("replay", board[0]["trial"]).out


def test_a_metric_that_comes_out_otherwise_is_named(workbench: Cli, board: list[dict[str, Any]], copied: Path) -> None:
    with closing(sqlite3.connect(copied)) as database, database:
        database.execute("UPDATE trial_metric SET value = value + 1e-9 WHERE name = 'map@10' AND part = 'valid'")
        database.execute("UPDATE run SET versions = json_set(versions, '$.numpy', '1.0')")
    called = workbench("replay", board[0]["trial"])
    assert called.code == 1
    (line,) = (line for line in called.out.splitlines() if line.startswith("map@10"))
    assert line.endswith("different")
    assert "done again: different" in called.out
    assert called.err.startswith("numpy was 1.0, is ")


def test_other_data_is_refused_and_moved_data_found(
    workbench: Cli, board: list[dict[str, Any]], folder: Path, copied: Path
) -> None:
    moved = (folder / "ratings.csv").rename(copied.with_name("moved.csv"))
    try:
        assert workbench("replay", board[0]["trial"]).code == 2
    finally:
        shutil.copy(moved, folder / "ratings.csv")
    assert workbench("replay", board[0]["trial"], "--data", "moved.csv", "--json").json["equal"]
    moved.write_text(moved.read_text() + "u1,i999,5,1600000000\n")
    called = workbench("replay", board[0]["trial"], "--data", "moved.csv")
    assert called.code == 2
    assert called.err == "error: moved.csv: this is not the data of run 1; say where that is with --data\n"


def test_a_trial_without_a_result_cannot_be_compared(workbench: Cli, board: list[dict[str, Any]], copied: Path) -> None:
    with closing(sqlite3.connect(copied)) as database, database:
        database.execute("DELETE FROM trial_metric")
    called = workbench("replay", board[0]["trial"])
    assert called.code == 2
    assert "has no result to compare with" in called.err


def test_a_trial_on_folds_is_scored_on_the_same_folds(workbench: Cli, ratings: Path) -> None:
    assert workbench(*RUN, "--models", "popular,ease", "--trials", "2", "--folds", "2").code == 0
    for row in workbench("leaderboard", "--json").json["leaderboard"]:
        assert workbench("replay", row["trial"], "--json").json["equal"]
