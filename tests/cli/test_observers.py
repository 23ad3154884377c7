"""Observers and a run: what they miss is said, and the run is as it would be without them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import workbench
from tests.conftest import Called
from workbench import observing
from workbench.contract.task import ENSEMBLE

GOOD = """
import json, pathlib
def keep(*what):
    with pathlib.Path(__file__).with_suffix(".txt").open("a") as file:
        file.write(json.dumps(what) + "\\n")
@hookimpl
def workbench_trial_finished(run, trial): keep(run.state, trial.model, trial.state)
@hookimpl
def workbench_run_finished(run): keep(run.state, *(finalist.model for finalist in run.finalists))
"""
HANGS = "@hookimpl\ndef workbench_trial_finished():\n    import time; time.sleep(600)"
RAISES = "@hookimpl\ndef workbench_run_finished(run): raise ValueError(run.state)"


def heard(site: Path) -> list[list[str]]:
    path = site / "good.txt"
    told = [json.loads(line) for line in path.read_text().splitlines()]
    path.unlink()
    return told


def test_a_run_with_observers_that_hang_and_raise_ends_as_any_other_and_says_so(
    install: Callable[..., Path], workbench: Callable[..., Called], ratings: Path
) -> None:
    install("good", GOOD)
    install("hangs", HANGS)
    site = install("raises", RAISES)
    arguments = "--data ratings.csv --models ease --trials 1 --workers 1 --json"
    called = workbench("run", "--task", "recommend", *arguments.split(), env={"PYTHONPATH": str(site)})
    assert called.code == 0
    assert {row["model"] for row in called.json["leaderboard"]} >= {"popular", "ease"}
    assert heard(site)[:2] == [["running", "popular", "complete"], ["running", "ease", "complete"]]
    told = called.json["trials"]["complete"] + any(row["model"] == ENSEMBLE for row in called.json["leaderboard"])
    hung = f"observer hangs of hangs 1.0: {told} of {told} records were not taken before it was stopped"
    raised = "observer raises of raises 1.0: 1 of 1 calls failed, the first with ValueError: complete"
    assert called.err.splitlines() == [hung, raised]
    assert called.json["note"] == workbench("show", "1", "--json").json["note"] == f"{hung}; {raised}"
    assert sum(called.json["spent"].values()) == pytest.approx(called.json["seconds"])
    assert called.json["spent"]["observers"] > 0
    assert f"note          {hung}" in workbench("show", "1").out


def test_a_resumed_run_tells_of_its_new_trials_alone(
    install: Callable[..., Path], ratings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install("good", GOOD)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    monkeypatch.setattr(observing, "DRAIN_SECONDS", 60.0)
    url = f"sqlite:///{tmp_path}/w.db"
    found = workbench.run("recommend", ratings, db=url, trials=1, models="ease", workers=1, set={"ease.l2": 10.0})
    *trials, end = heard(site)
    assert [line[:2] for line in trials if line[1] != ENSEMBLE] == [["running", "popular"], ["running", "ease"]]
    assert end[0] == "complete" and set(end) >= {"ease", "popular"}
    workbench.resume(found.summary["run"], trials=2, db=url)
    *trials, end = heard(site)
    assert [line[:2] for line in trials if line[1] != ENSEMBLE] == [["running", "ease"]]
    assert end[0] == "complete" and set(end) >= {"ease", "popular"}
