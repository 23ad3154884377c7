"""The commands that read the database: runs, show, leaderboard, predict, db."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Finished
from tests.conftest import Called
from workbench.cli.output import leaderboard_table

Cli = Callable[..., Called]


@pytest.fixture
def read(workbench: Cli, finished: Finished) -> Cli:
    """Calls a command on the finished run's database."""

    def call(*arguments: str | Path) -> Called:
        return workbench(*arguments, "--db", finished.url)

    return call


@pytest.fixture
def board(read: Cli) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read("leaderboard", "--json").json["leaderboard"]
    return rows


def test_runs_lists_the_run(read: Cli, board: list[dict[str, Any]]) -> None:
    (run,) = read("runs", "--json").json["runs"]
    assert (run["run"], run["name"], run["state"], run["trials"]) == (1, "first", "complete", 14)
    assert (run["best_trial"], run["best_model"], run["best_test"]) == tuple(
        board[0][k] for k in ("trial", "model", "test")
    )
    assert "first" in read("runs").out


def test_leaderboard_row_has_the_promised_keys(read: Cli, board: list[dict[str, Any]]) -> None:
    promised = {
        "rank", "tie", "run", "trial", "model", "plugin", "metric", "valid", "valid_low", "valid_high", "test",
        "fit_seconds", "score_seconds", "peak_memory_bytes", "params", "finished_at",
    }  # fmt: skip
    assert promised <= set(board[0])
    assert sum(row["model"] != "ensemble" for row in board) == 14, "every trial of the board, not one a model"
    document = read("leaderboard", "--json").json["board"]
    assert (document["task"], document["metric"], document["direction"]) == ("recommend", "ndcg@10", "maximize")


def test_leaderboard_ranks_more_draws_first_then_value(board: list[dict[str, Any]]) -> None:
    keys = [(-row["draws"], -row["valid"]) for row in board if "cheaper" not in row["note"]]
    assert keys == sorted(keys) and len(keys) >= len(board) - 1
    assert {row["draws"] for row in board} == {1, 5}
    assert all((row["test"] is not None) == (row["draws"] == 5) for row in board)


def test_pareto_keeps_what_nothing_beats(read: Cli, board: list[dict[str, Any]]) -> None:
    front = read("leaderboard", "--pareto", "valid,fit_seconds", "--json").json["leaderboard"]
    assert 0 < len(front) < len(board)
    for row in board:
        beaten = any(f["valid"] >= row["valid"] and f["fit_seconds"] <= row["fit_seconds"] for f in front)
        assert beaten, "a row off the front is beaten by one on it"
    for one in front:
        assert not any(o["valid"] > one["valid"] and o["fit_seconds"] < one["fit_seconds"] for o in front)
    assert read("leaderboard", "--pareto", "colour").code == 2


def test_leaderboard_of_nothing_says_so(read: Cli) -> None:
    called = read("leaderboard", "--task", "rate")
    assert called.code == 2
    assert "--task rate" in called.err


def test_show_tells_all_of_a_trial(read: Cli, board: list[dict[str, Any]]) -> None:
    trial = read("show", board[0]["trial"], "--json").json
    assert trial["model"] == board[0]["model"]
    assert trial["params"] == board[0]["params"]
    assert trial["test"]["ndcg@10"]["value"] == board[0]["test"]
    assert {item["kind"] for item in trial["artifacts"]} == {"model"}
    assert board[0]["model"] in read("show", board[0]["trial"]).out


def test_show_tells_all_of_a_run(read: Cli) -> None:
    run = read("show", "1", "--json").json
    assert run["state"] == "complete"
    assert sum(trial["model"] != "ensemble" for trial in run["all_trials"]) == 14
    assert {model["model"] for model in run["models"]} == {"popular", "item-knn", "pure-svd", "ease", "als"}
    assert run["settings"]["trials"] == 14
    assert "numpy" in run["versions"]
    assert "per user at random" in read("show", "1").out


@pytest.mark.parametrize("command", ["show", "predict"])
def test_an_unknown_trial_is_one_line_and_exit_2(read: Cli, command: str) -> None:
    called = read(command, "zzzz")
    assert called.code == 2
    assert called.err == "error: no trial 'zzzz'; workbench leaderboard lists them\n"


def test_lists_hold_what_the_user_has_not_taken(read: Cli, board: list[dict[str, Any]], finished: Finished) -> None:
    taken: dict[str, set[str]] = {}
    with (finished.folder / "ratings.csv").open() as file:
        for row in csv.DictReader(file):
            taken.setdefault(row["user"], set()).add(row["item"])
    answers = read("predict", board[0]["trial"], "--users", "u1,u2", "-k", "5", "--json").json["predictions"]
    assert [(row["user"], row["rank"]) for row in answers] == [(u, r) for u in ("u1", "u2") for r in range(1, 6)]
    for row in answers:
        assert row["item"] not in taken[row["user"]]
        assert row["answered_by"] == "model"


def test_all_users_are_written_in_natural_order(read: Cli, board: list[dict[str, Any]], tmp_path: Path) -> None:
    assert read("predict", board[0]["trial"], "--users", "all", "-k", "2", "--output", "lists.csv").code == 0
    with (tmp_path / "lists.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["user", "rank", "item", "score"]
    assert [row[0] for row in rows[1::2]] == [f"u{number}" for number in range(1, 41)]


def test_parquet_and_input_file_agree_with_users(read: Cli, board: list[dict[str, Any]], tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    (tmp_path / "who.csv").write_text("user\nu7\nu3\n")
    trial = board[0]["trial"]
    assert read("predict", trial, "--input", "who.csv", "--output", "lists.parquet").code == 0
    written = pq.read_table(tmp_path / "lists.parquet").to_pylist()
    asked = read("predict", trial, "--users", "u7,u3", "--json").json["predictions"]
    assert [(row["user"], row["item"]) for row in written] == [(row["user"], row["item"]) for row in asked]


def test_unknown_users_and_new_histories_are_answered_and_it_says_how(read: Cli, board: list[dict[str, Any]]) -> None:
    trial = board[0]["trial"]
    unknown = read("predict", trial, "--users", "nobody", "-k", "1", "--json")
    assert unknown.json["predictions"][0]["answered_by"] == "popularity"
    assert "nobody" in unknown.err
    folded = read("predict", trial, "--history", "i1,i5,i9,film", "-k", "3", "--json")
    assert {row["answered_by"] for row in folded.json["predictions"]} <= {"history", "popularity"}
    assert not {row["item"] for row in folded.json["predictions"]} & {"i1", "i5", "i9"}
    assert "film" in folded.err


def test_a_model_that_was_not_kept_says_which_were(read: Cli, board: list[dict[str, Any]]) -> None:
    called = read("predict", board[-1]["trial"], "--users", "u1")
    assert called.code == 2
    assert "was not kept" in called.err
    assert board[0]["trial"] in called.err


def test_predict_without_a_question_says_how_to_ask(read: Cli, board: list[dict[str, Any]]) -> None:
    called = read("predict", board[0]["trial"])
    assert called.code == 2
    assert "--users" in called.err
    assert read("predict", board[0]["trial"], "--users", "u1", "--history", "i1").code == 2


def test_db_says_its_version_and_is_sound(read: Cli) -> None:
    assert read("db", "current", "--json").json["schema"] == 1
    assert read("db", "check").out.strip().endswith("is sound")
    assert "already" in read("db", "upgrade").out


def test_db_check_finds_a_flipped_byte(read: Cli, finished: Finished, tmp_path: Path, workbench: Cli) -> None:
    import shutil
    import sqlite3

    shutil.copy(finished.folder / "workbench.db", tmp_path / "broken.db")
    with sqlite3.connect(tmp_path / "broken.db") as database:
        database.execute(
            "UPDATE blob_chunk SET data = CAST(x'00' || substr(data, 2) AS BLOB) WHERE sha256 = "
            "(SELECT sha256 FROM artifact WHERE path = 'arrays.safetensors' LIMIT 1)"
        )
    called = workbench("db", "check", "--db", "sqlite:///broken.db")
    assert called.code == 2
    assert "arrays.safetensors" in called.out


def test_the_database_alone_is_enough_elsewhere(
    finished: Finished, board: list[dict[str, Any]], tmp_path: Path, workbench: Cli
) -> None:
    import shutil

    shutil.copy(finished.folder / "workbench.db", tmp_path / "workbench.db")
    here = workbench("predict", board[0]["trial"], "--users", "u1", "--json").json
    there = workbench("predict", board[0]["trial"], "--users", "u1", "--json", "--db", finished.url).json
    assert here == there
    assert here["predictions"]


def test_no_database_is_one_line(workbench: Cli) -> None:
    called = workbench("leaderboard")
    assert called.code == 2
    assert called.err == "error: no database at workbench.db; workbench run makes one, --db names another\n"


def test_a_leaderboard_names_plugins_where_two_call_a_model_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"rank": 1, "tie": False, "trial": "abcd", "valid": 0.5, "valid_low": None, "valid_high": None, "draws": 1}
    row |= {"test": None, "fit_seconds": 0.1, "score_seconds": 0.1, "params": {}, "note": "", "model": "recent"}
    leaderboard_table([{**row, "plugin": "acme"}, {**row, "plugin": "acme", "model": "als"}])
    assert "acme" not in capsys.readouterr().out
    leaderboard_table([{**row, "plugin": "acme"}, {**row, "plugin": "zeta"}])
    shown = capsys.readouterr().out
    assert "acme" in shown and "zeta" in shown
