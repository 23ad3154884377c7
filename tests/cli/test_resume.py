"""`workbench resume`, after all that can end a run before its time."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import Called

Cli = Callable[..., Called]
RUN = ("run", "--task", "recommend", "--data", "ratings.csv", "--workers", "1", "--models", "popular,ease,pure-svd")


@contextmanager
def going(folder: Path, *arguments: str, db: str = "sqlite:///workbench.db") -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, when its third trial has been shown."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", *arguments, "--db", db],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("3 "):
            break
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def trials(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "workbench.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return database.execute(
            "SELECT number, model, params, state, value FROM trial LEFT JOIN trial_metric "
            "ON trial_id = id AND part = 'valid' AND name = 'ndcg@10' WHERE model != 'ensemble' ORDER BY number"
        ).fetchall()


def test_a_killed_run_is_shown_as_lost_and_goes_on_from_another_folder_to_the_same_end(
    workbench: Cli, ratings: Path
) -> None:
    with going(ratings.parent, *RUN, "--trials", "20") as process:
        process.kill()
        process.wait()
    (row,) = workbench("runs", "--json").json["runs"]
    assert row["state"] == "lost"
    assert "run 1 has lost its process; go on with it: workbench resume 1\n" in workbench("runs").out
    shown = workbench("show", "1").out
    assert "lost" in shown and "workbench resume 1" in shown
    before = trials(ratings.parent)
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "resume", "1", "--db", f"sqlite:///{ratings.parent}/workbench.db"],
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    complete = [row for row in before if row[3] == "complete"]
    assert f"{len(complete)} trials so far" in done.stderr
    after = trials(ratings.parent)
    assert [row for row in after if row[0] <= len(before) and row[3] == "complete"] == complete
    assert {row[3] for row in after} <= {"complete", "crashed"}
    assert workbench(*RUN, "--trials", "20", "--db", "sqlite:///whole.db").code == 0
    with closing(sqlite3.connect(ratings.parent / "whole.db")) as whole:
        wanted = whole.execute("SELECT model, params FROM trial WHERE model != 'ensemble' ORDER BY number").fetchall()
    assert [(model, params) for _, model, params, state, _ in after if state == "complete"] == wanted
    assert workbench("db", "check").code == 0


def test_ctrl_c_names_the_command_that_goes_on_and_it_does(workbench: Cli, ratings: Path) -> None:
    with going(ratings.parent, *RUN, "--time", "60s") as process:
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Go on:   workbench resume 1 --db sqlite:///workbench.db" in out or "Go on:   workbench resume 1\n" in out
    called = workbench("resume", "1", "--trials", "1", "--json")
    assert called.code == 0, called.err
    assert called.json["state"] == "complete"
    assert "running" not in called.json["trials"]
    assert called.json["leaderboard"][0]["test"] is not None


def test_a_second_owner_is_refused_and_the_first_is_named(workbench: Cli, ratings: Path) -> None:
    with going(ratings.parent, *RUN, "--time", "60s") as process:
        called = workbench("resume", "1")
        deleted = workbench("runs", "--delete", "1")
        (row,) = workbench("runs", "--json").json["runs"]
        assert process.poll() is None
    assert (called.code, called.out, row["state"]) == (2, "", "running")
    assert called.err.startswith(f"error: run 1 is running: process {process.pid} on ")
    assert len(called.err.splitlines()) == 1
    assert (deleted.code, deleted.err) == (2, called.err)


def test_an_interrupted_resume_leaves_the_ranking_and_the_models_that_were_there(workbench: Cli, ratings: Path) -> None:
    assert workbench(*RUN, "--trials", "2").code == 0
    before = workbench("leaderboard", "--json").json["leaderboard"]
    with going(ratings.parent, "resume", "1", "--time", "60s") as process:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143
    tested = [row for row in workbench("leaderboard", "--json").json["leaderboard"] if row["test"] is not None]
    assert [(row["trial"], row["valid"], row["test"]) for row in tested] == [
        (row["trial"], row["valid"], row["test"]) for row in before if row["test"] is not None
    ]
    assert workbench("predict", before[0]["trial"], "--users", "u1").code == 0
    assert workbench("runs", "--json").json["runs"][0]["state"] == "interrupted"


def test_a_full_disk_stops_the_run_in_one_line_and_it_goes_on_when_there_is_room(workbench: Cli, ratings: Path) -> None:
    with going(ratings.parent, *RUN, "--time", "60s") as process:
        size = (ratings.parent / "workbench.db").stat().st_size
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = (line for line in err.splitlines() if line.startswith("error:"))
    assert "run 1 has stopped; go on with it: workbench resume 1" in line
    assert "Traceback" not in err
    before = [row for row in trials(ratings.parent) if row[3] == "complete"]
    called = workbench("resume", "1", "--trials", "1", "--json")
    assert called.code == 0, called.err
    assert [row for row in trials(ratings.parent) if row in before] == before
    assert workbench("db", "check").code == 0


def test_a_database_that_stays_locked_stops_the_run_and_no_result_is_lost(workbench: Cli, ratings: Path) -> None:
    folder = ratings.parent
    with going(folder, *RUN, "--time", "60s", db="sqlite:///workbench.db?timeout=0.2") as process:
        other = sqlite3.connect(folder / "workbench.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        _, err = process.communicate(timeout=60)
        other.close()
    assert process.returncode == 1
    assert err.splitlines()[-1] == (
        f"error: workbench.db: database is locked, by process {os.getpid()} (python); "
        "run 1 has stopped; go on with it: workbench resume 1 --db 'sqlite:///workbench.db?timeout=0.2'"
    )
    before = trials(folder)
    called = workbench("resume", "1", "--trials", "1", "--json")
    assert called.code == 0, called.err
    complete = [row for row in before if row[3] == "complete"]
    assert [row for row in trials(folder) if row in complete] == complete
    assert len(complete) >= 3, "what the screen has shown"
    assert list(folder.glob("*.spool")) == []


def test_a_database_that_cannot_be_written_is_refused_before_training_and_still_read(
    workbench: Cli, ratings: Path
) -> None:
    assert workbench(*RUN, "--trials", "2").code == 0
    before = (ratings.parent / "workbench.db").read_bytes()
    readonly = ("--db", "sqlite:///file:workbench.db?mode=ro&uri=true")
    for arguments in ((*RUN, "--trials", "2"), ("resume", "1", "--trials", "3")):
        called = workbench(*arguments, *readonly)
        assert called.code == 2
        assert called.err == ("error: file:workbench.db: attempt to write a readonly database; point --db elsewhere\n")
    assert workbench("leaderboard", *readonly).code == 0
    assert workbench("show", "1", *readonly).code == 0
    assert (ratings.parent / "workbench.db").read_bytes() == before


def test_wrong_input_is_one_line_and_exit_2(workbench: Cli, ratings: Path) -> None:
    assert workbench(*RUN, "--trials", "2").code == 0
    ratings.write_text("user,item\n" + "".join(f"u{n},i{n % 7}\n" for n in range(60)))
    for arguments, message in {
        ("7",): "error: no run '7'; workbench runs lists them",
        ("1",): "error: run 1 is complete; give it more to do: workbench resume 1 --trials 4 or --time 10m",
        ("1", "--trials", "4"): "error: ratings.csv: this is not the data of run 1 any more; start a new run",
        ("1", "--time", "soon"): "error: time 'soon': write it as 90s, 10m or 1h30m",
        ("one",): "error: Invalid value for 'RUN': 'one' is not a valid integer range.",
    }.items():
        called = workbench("resume", *arguments)
        assert (called.code, called.out, called.err.splitlines()) == (2, "", [message])
