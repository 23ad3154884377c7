"""What the search found reaches the store, as far as it can be stored."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.contract.metric import Metric
from workbench.contract.records import RunRecord, TrialRecord
from workbench.contract.task import ENSEMBLE
from workbench.errors import StoreError, StoreFailure
from workbench.execution.work import Result
from workbench.recording import Recorder, Silent
from workbench.search.budget import Budget
from workbench.search.trial import Trial
from workbench.settings import RunSettings
from workbench.store.rows import FinalistRow, TrialRow

RUN = RunRecord(7, "w.db", "recommend", "d", "f" * 64, "user-time", "m", True, "", {}, None)


class Writer:
    """Remembers what it is told; refuses the models of some trials."""

    lease = SimpleNamespace(seconds=lambda: 5.0)

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.kept: list[str] = []
        self.started: list[TrialRow] = []
        self.notes: dict[str, str] = {}
        self.remarks: list[str] = []

    def trial_ended(self, *columns: object) -> None: ...

    def finish(self, state: str, reason: str, spent: Mapping[str, float]) -> None: ...

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def trial_started(self, row: TrialRow) -> None:
        self.started.append(row)

    def stage(self, folder: Path) -> dict[str, str]:
        if folder.name in self.refused:
            raise StoreError("a link is not kept")
        return {"content": folder.name}

    def finalists_ended(self, rows: Mapping[str, FinalistRow], kept: Mapping[str | None, dict[str, str]]) -> None:
        self.notes.update({id: row.values["note"] for id, row in rows.items()})
        self.kept = [f"{hashes['content']} of {owner or 'run'}" for owner, hashes in kept.items()]


class Told:
    """Observers that remember what they are told, and have missed something."""

    def __init__(self) -> None:
        self.trials: list[tuple[RunRecord, TrialRecord]] = []
        self.runs: list[RunRecord] = []

    def trial_finished(self, run: RunRecord, trial: TrialRecord) -> None:
        self.trials.append((run, trial))

    def run_finished(self, run: RunRecord) -> None:
        self.runs.append(run)

    def close(self, seconds: float) -> list[str]:
        return ["a: missed one", "b: missed two"]


def recorder(writer: Writer, observers: Told | None = None) -> Recorder:
    settings, metric = RunSettings(task="recommend", trials=1, device="cpu"), Metric("m", "")
    return Recorder(writer, Silent(), settings, {"a": "acme"}, metric, observers or Told(), RUN)  # type: ignore[arg-type]


@pytest.fixture
def ranked() -> list[Trial]:
    together = Trial(3, ENSEMBLE, {"one": 2, "two": 1}, 0, id="both")
    trials = [together, Trial(1, "a", {}, 0, id="one"), Trial(2, "a", {}, 0, id="two")]
    for trial in trials:
        trial.model_folder, trial.result = trial.id, Result(trial.id, "complete")
    return trials


def test_an_ensemble_is_stored_after_its_members(ranked: list[Trial]) -> None:
    writer = Writer()
    recorder(writer).finalists_ended(ranked, [], Path("encoding"))
    assert writer.kept == ["encoding of run", "one of one", "two of two", "both of both"]


def test_an_ensemble_is_not_stored_without_a_member(ranked: list[Trial]) -> None:
    writer = Writer("two")
    recorder(writer).finalists_ended(ranked, [], Path("encoding"))
    assert writer.kept == ["encoding of run", "one of one"]
    assert writer.notes["two"] == "the model was not kept: a link is not kept"
    assert writer.notes["both"] == "the model was not kept: a member was not"


def test_an_ensemble_is_our_own_work_and_a_model_its_plugin_s(ranked: list[Trial]) -> None:
    writer = Writer()
    both: Any = recorder(writer)
    for trial in ranked[:2]:
        both.trial_started(trial)
    assert [row.plugin for row in writer.started] == ["automl-workbench", "acme"]


def test_observers_hear_of_each_trial_and_of_the_end_with_its_finalists(ranked: list[Trial]) -> None:
    told, (_, first, second) = Told(), ranked
    first.result = Result("one", "complete", metrics={"m": 0.3, "n": 0.1}, intervals={"n": (0.0, 0.2)}, fit_seconds=2.0)
    first.objective, first.interval, first.note = 0.25, (0.2, 0.3), "a remark"
    second.result = Result("two", "failed", "KeyError: 'x'")
    teller = recorder(Writer(), told)
    teller.trial_ended(first)
    teller.trial_ended(second)
    (run, one), (_, two) = told.trials
    assert run == replace(RUN, seconds=5.0)
    assert (one.id, one.number, one.model, one.plugin, one.state, one.device) == (
        "one",
        1,
        "a",
        "acme",
        "complete",
        "cpu",
    )
    assert (one.valid, one.valid_intervals) == ({"m": 0.25, "n": 0.1}, {"n": (0.0, 0.2), "m": (0.2, 0.3)})
    assert (one.fit_seconds, one.note, one.test, one.rank) == (2.0, "a remark", {}, None)
    assert (two.state, two.reason, two.valid) == ("failed", "KeyError: 'x'", {})
    first.test, first.rank = {"m": 0.2}, 1
    teller.finalists_ended([first], [], Path("encoding"))
    teller.finish("complete", "", {})
    (end,) = told.runs
    assert (end.state, end.seconds) == ("complete", 5.0)
    assert [(each.id, each.test, each.rank) for each in end.finalists] == [("one", {"m": 0.2}, 1)]


def test_what_observers_missed_is_kept_where_the_run_has_its_end() -> None:
    writer, budget = Writer(), Budget(60.0, time.monotonic())
    ended, broken = recorder(writer), recorder(writer)
    with contextlib.suppress(StoreFailure), broken.observed(budget):
        raise StoreFailure("full")
    assert writer.remarks == []
    with ended.observed(budget):
        ended.finish("complete", "", {})
    assert writer.remarks == ["a: missed one; b: missed two"]
