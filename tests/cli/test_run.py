"""`workbench run`, as a user calls it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Called, write_ratings

Cli = Callable[..., Called]
FIVE = "popular,item-knn,pure-svd,ease,als"
SMALL = ("run", "--task", "recommend", "--data", "ratings.csv", "--workers", "1", "--models", FIVE)


@pytest.fixture(scope="module")
def summary(call: Cli, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = write_ratings(tmp_path_factory.mktemp("summary")).parent
    called = call(folder, *SMALL, "--trials", "7", "--json")
    assert called.code == 0, called.err
    assert called.err == ""
    document: dict[str, Any] = called.json
    return document


def test_json_is_one_document_with_the_promised_keys(summary: dict[str, Any]) -> None:
    promised = {"run", "task", "dataset", "state", "metric", "trials", "best", "baseline", "seconds"}
    promised |= {"budget_seconds", "leaderboard", "database"}
    assert promised <= set(summary)
    assert (summary["task"], summary["dataset"], summary["state"]) == ("recommend", "ratings.csv", "complete")
    assert summary["trials"] == {"complete": 7}
    assert set(summary["best"]) == {"trial", "model", "params", "valid", "test"}
    assert summary["baseline"]["model"] == "popular"
    assert summary["budget_seconds"] is None


def test_leaderboard_has_a_row_a_model_ranked_by_mean_over_draws(summary: dict[str, Any]) -> None:
    rows = summary["leaderboard"]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert {row["model"] for row in rows} == {"popular", "item-knn", "pure-svd", "ease", "als"}
    assert [row["valid"] for row in rows] == sorted((row["valid"] for row in rows), reverse=True)
    assert {row["draws"] for row in rows} == {5}
    assert all(row["valid_low"] < row["valid"] < row["valid_high"] for row in rows)
    assert summary["best"]["trial"] == rows[0]["trial"]
    assert summary["best"]["test"]["ndcg@10"] == rows[0]["test"]


def test_the_same_seed_on_one_worker_gives_the_same_leaderboard(workbench: Cli, ratings: Path) -> None:
    boards, trials = [], []
    for name in ("one", "two"):
        called = workbench(*SMALL, "--trials", "12", "--seed", "3", "--json", "--db", f"sqlite:///{name}.db", own=True)
        rows = called.json["leaderboard"]
        boards.append([(row["number"], row["model"], row["params"], row["valid"], row["test"]) for row in rows])
        with sqlite3.connect(ratings.parent / f"{name}.db") as database:
            query = "SELECT number, model, params, state, objective, seed FROM trial ORDER BY number"
            trials.append(database.execute(query).fetchall())
    assert boards[0] == boards[1]
    assert trials[0] == trials[1]
    assert len(trials[0]) == 12


def test_a_result_does_not_depend_on_the_number_of_workers(workbench: Cli, ratings: Path) -> None:
    found = []
    for workers in ("1", "2"):
        called = workbench(
            "run", "--task", "recommend", "--data", "ratings.csv", "--trials", "5", "--threads", "1", "--json",
            "--models", FIVE,
            "--workers", workers, "--db", f"sqlite:///{workers}.db",
        )  # fmt: skip
        found.append({row["model"]: (row["params"], row["valid"], row["test"]) for row in called.json["leaderboard"]})
    assert found[0] == found[1]


def test_a_fixed_hyperparameter_is_used_by_the_one_trial(workbench: Cli, ratings: Path) -> None:
    called = workbench(*SMALL, "--models", "ease", "--set", "ease.l2=123.5", "--trials", "1", "--json")
    assert called.json["trials"] == {"complete": 2}, "the baseline is added, and does not count"
    params = {row["model"]: row["params"] for row in called.json["leaderboard"]}
    assert params == {"popular": {}, "ease": {"l2": 123.5, "user_discount": 0.0, "item_discount": 0.0}}


def test_a_pipe_gets_plain_lines_and_the_line_that_uses_the_winner(workbench: Cli, ratings: Path) -> None:
    called = workbench(*SMALL, "--trials", "3", "--models", "ease,popular")
    assert called.code == 0
    assert "40 users" in called.err
    assert "leakage" in called.err
    assert "\x1b" not in called.err + called.out
    assert "Leaderboard" in called.out
    use = next(line for line in called.out.splitlines() if line.startswith("Use it:"))
    command = use.removeprefix("Use it:").split()
    assert command[:2] == ["workbench", "predict"]
    assert workbench(*command[1:]).code == 0
    assert (ratings.parent / "lists.csv").read_text().startswith("user,rank,item,score\n")


def test_no_colour_where_it_is_not_wanted(workbench: Cli, ratings: Path) -> None:
    called = workbench(*SMALL, "--trials", "1", env={"NO_COLOR": "1", "FORCE_COLOR": ""})
    assert "\x1b" not in called.out


def test_settings_come_from_toml_and_flags_go_first(workbench: Cli, ratings: Path) -> None:
    config = ratings.parent / "run.toml"
    config.write_text('task = "recommend"\ndata = "ratings.csv"\ntrials = 9\nmodels = "ease"\n[set.ease]\nl2 = 77.0\n')
    called = workbench("run", "--config", config, "--trials", "1", "--json")
    assert called.code == 0, called.err
    assert {row["params"].get("l2") for row in called.json["leaderboard"]} == {None, 77.0}
    assert called.json["trials"] == {"complete": 2}


def test_the_users_files_are_left_as_they_are(workbench: Cli, ratings: Path) -> None:
    before = ratings.read_bytes()
    workbench(*SMALL, "--trials", "2")
    assert ratings.read_bytes() == before
    assert sorted(path.name for path in ratings.parent.iterdir()) == ["ratings.csv", "workbench.db"]


def test_without_data_and_sample_package_the_data_is_made_up_and_says_so(workbench: Cli, tmp_path: Path) -> None:
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text("import sys\nsys.modules['workbench_samples'] = None\n")
    called = workbench(
        "run", "--task", "recommend", "--trials", "1", "--models", "popular",
        env={"PYTHONPATH": str(tmp_path)}, own=True,
    )  # fmt: skip
    assert called.code == 0, called.err
    assert "made-up data" in called.err


def test_the_budget_is_kept_and_all_of_it_is_accounted_for(workbench: Cli, ratings: Path) -> None:
    called = workbench(*SMALL, "--time", "6s", "--json")
    assert called.code == 0
    assert called.json["budget_seconds"] == 6
    assert sum(called.json["spent"].values()) == pytest.approx(called.json["seconds"], abs=0.5)
    assert {row["draws"] for row in called.json["leaderboard"]} != {1}, "there was time to resample"


def test_interrupt_shows_the_leaderboard_so_far_and_exits_130(ratings: Path) -> None:
    arguments = [sys.executable, "-m", "workbench", *SMALL, "--time", "60s"]
    process = subprocess.Popen(
        arguments, cwd=ratings.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("3 "):  # the third trial has ended
            break
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Leaderboard" in out
    assert "Interrupted" in out
    with sqlite3.connect(ratings.parent / "workbench.db") as database:
        assert database.execute("SELECT state FROM run").fetchall() == [("interrupted",)]
        assert database.execute("SELECT count(*) FROM trial WHERE state = 'running'").fetchone() == (0,)
        assert database.execute("SELECT count(*) FROM trial WHERE state = 'complete'").fetchone()[0] >= 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run", "error: no task given; say --task NAME (workbench tasks lists them)"),
        ("run --task recommand", "error: no task 'recommand'; did you mean 'recommend'? (workbench tasks lists them)"),
        ("run --task recommend --data none.csv", "error: none.csv: no such file; check --data"),
        ("run --task recommend --data ratings.csv --item-column film",
         "error: ratings.csv: no column 'film' (--item-column); it has user, item, rating, timestamp"),
        ("run --task recommend --data ragged.csv",
         "error: ragged.csv, line 3: 2 values where the header has 3; fix the line or pass --on-bad-rows skip"),
        ("run --task recommend --data headed.csv",
         "error: headed.csv: no user column among who, item; say which with --user-column NAME"),
        ("run --task recommend --tiem 10s", "error: no option '--tiem'; did you mean '--time'?"),
        ("run --task recommend --time soon", "error: time 'soon': write it as 90s, 10m or 1h30m"),
        ("run --task recommend --workers 0", "error: --workers 0: must be from 1 to 256"),
        ("run --task recommend --models eese",
         "error: no model 'eese'; did you mean 'ease'? (workbench models --task recommend lists them)"),
        ("run --task recommend --data ratings.csv --set ease.l3=1 --trials 1",
         "error: --set ease.l3: ease has no hyperparameter 'l3'; it has l2, user_discount, item_discount"),
        ("run --task recommend --set ease.l2=1 --models als",
         "error: --set ease.l2: 'ease' is not among the models of this run: popular, als"),
        ("run --task recommend --user-colum u",
         "error: no option '--user-colum'; did you mean '--user-column'? (workbench tasks recommend lists them)"),
        ("run --task recommend --data ratings.csv --split random",
         "error: no split 'random'; did you mean 'user-random'? (workbench tasks recommend lists them)"),
        ("run --task recommend --db sqlite:///no/such/folder.db",
         "error: --db no/such/folder.db: there is no folder no/such"),
        ("run ratings.csv", "error: unexpected argument 'ratings.csv'"),
        ("rnu", "error: no command 'rnu'; did you mean 'run'? (workbench --help lists them)"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_exit_2(workbench: Cli, ratings: Path, arguments: str, message: str) -> None:
    (ratings.parent / "ragged.csv").write_text("user,item,rating\n1,2,3\n1,3\n2,2,5\n")
    (ratings.parent / "headed.csv").write_text("who,item\n1,2\n")
    called = workbench(*arguments.split())
    lines = called.err.splitlines()
    assert called.code == 2, called.err
    assert lines[-1].startswith(message)
    assert "Traceback" not in called.err
    assert [line for line in lines if line.startswith("error:")] == [lines[-1]]
    assert called.out == ""


def test_debug_shows_the_traceback(workbench: Cli) -> None:
    called = workbench("run", "--task", "recommend", "--data", "none.csv", "--debug")
    assert "Traceback" in called.err


def test_without_time_for_anything_the_baseline_is_finished_and_the_overrun_is_said(
    workbench: Cli, ratings: Path
) -> None:
    called = workbench(*SMALL, "--time", "0.2s")
    assert called.code == 0, called.err
    assert "over the budget, since one model is always finished" in called.out
    use = next(line for line in called.out.splitlines() if line.startswith("Use it:"))
    assert workbench(*use.removeprefix("Use it:").split()[1:]).code == 0


def test_an_interrupt_before_the_search_is_no_fault(ratings: Path) -> None:
    (ratings.parent / "run.py").write_text(
        "import os, signal, workbench.api, workbench_recommend.task as task\n"
        "read = task.Recommend.read\n"
        "def interrupted(*arguments):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return read(*arguments)\n"
        "task.Recommend.read = interrupted\n"
        "from workbench.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "run.py", *SMALL], cwd=ratings.parent, capture_output=True, text=True)
    assert done.returncode == 143
    assert done.stderr == "error: interrupted before the search began; nothing was stored\n"


def test_failed_trials_are_pointed_at_in_the_end(workbench: Cli, ratings: Path) -> None:
    called = workbench(*SMALL, "--models", "ease", "--set", "ease.l2=-1e9", "--trials", "2")
    assert "2 failed: workbench show 1 says why" in called.out
    assert "not positive definite" in workbench("show", "1").out
