"""The median rule, and what the search does with its verdicts."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest

from tests.search.conftest import METRIC, FakePool, Log, candidate, ended, scored
from workbench.contract.metric import Metric
from workbench.execution.work import Event, Fit, Report, Result
from workbench.search.budget import Budget
from workbench.search.loop import Search
from workbench.search.pruning import TRIALS_BEFORE, Pruning
from workbench.search.trial import Trial


def told(curves: list[list[float]], *, larger: bool = True, state: str = "complete") -> Pruning:
    """After trials of model `a` that reported these values at steps 1, 2, ..."""
    pruning = Pruning(Metric(METRIC, "", larger))
    for curve in curves:
        trial = ended("a", curve[-1])
        trial.result = Result("", state)  # type: ignore[arg-type]
        trial.reports = dict(enumerate(curve, 1))
        pruning.ended(trial)
    return pruning


def reason(pruning: Pruning, values: list[float], model: str = "a") -> str:
    trial = Trial(9, model, {}, 0)
    trial.reports = dict(enumerate(values, 1))
    return pruning.reason(trial, len(values))


FLAT = [[value] * 5 for value in (0.1, 0.2, 0.3, 0.4)]


def test_below_the_median_is_pruned_with_the_figures_at_it_is_not() -> None:
    pruning = told(FLAT)
    assert reason(pruning, [0.2]) == "at step 1: 0.2, below the median 0.25 of 4 earlier trials"
    assert reason(pruning, [0.25]) == ""
    assert reason(pruning, [0.2, 0.26]) == ""


def test_the_best_so_far_counts_not_the_last_value() -> None:
    assert reason(told(FLAT), [0.1, 0.3, 0.0]) == ""
    falling = [[0.5, 0.1], [0.5, 0.1], [0.5, 0.1], [0.5, 0.1]]
    assert reason(told(falling), [0.4, 0.4]) == "at step 2: 0.4, below the median 0.5 of 4 earlier trials"


def test_errors_are_pruned_above() -> None:
    pruning = told(FLAT, larger=False)
    assert reason(pruning, [0.3]) == "at step 1: 0.3, above the median 0.25 of 4 earlier trials"
    assert reason(pruning, [0.1]) == ""


def test_the_first_trials_of_a_model_and_those_of_another_are_left_alone() -> None:
    assert len(FLAT) == TRIALS_BEFORE
    assert reason(told(FLAT[1:]), [0.0]) == ""
    assert reason(told(FLAT), [0.0], model="b") == ""


def test_trials_that_ended_before_count_with_the_best_they_came_to() -> None:
    uneven = told([[0.1, 0.2], [0.3], *FLAT[2:]])
    assert reason(uneven, [0.0, 0.25]) == "at step 2: 0.25, below the median 0.3 of 4 earlier trials"


def test_the_first_fifth_of_the_steps_says_too_little() -> None:
    pruning = told([[value] * 20 for value in (0.1, 0.2, 0.3, 0.4)])
    assert reason(pruning, [0.0] * 3) == ""
    assert reason(pruning, [0.0] * 4) != ""


def test_pruned_trials_count_and_failed_ones_do_not() -> None:
    assert reason(told(FLAT, state="pruned"), [0.0]) != ""
    assert reason(told(FLAT, state="failed"), [0.0]) == ""


@pytest.mark.parametrize("larger", [True, False])
def test_the_best_so_far_at_its_step_is_never_pruned(larger: bool) -> None:
    sign = 1 if larger else -1
    curves = [[sign * (trial + step) / 10 for step in range(6)] for trial in range(6)]
    pruning = told(curves, larger=larger)
    for step in range(1, 7):
        assert reason(pruning, [sign * 9.0] * step) == ""
        assert reason(pruning, curves[-1][:step]) == "", "nor as good as the best"


class Learning(FakePool):
    """Every trial reports its `x` three times, and ends as soon as it is told to."""

    def __init__(self, size: int = 1) -> None:
        super().__init__(self.end, size)
        self.stopped: dict[str, str] = {}
        self.steps: dict[str, int] = {}

    def reply(self, verdict: Any) -> None:
        super().reply(verdict)
        if verdict.stop:
            self.stopped[verdict.id] = verdict.stop

    def events(self, timeout: float) -> list[Event]:  # type: ignore[override]
        if not self._waiting:
            return []
        question = self._waiting[0]
        step = self.steps[question.id] = self.steps.get(question.id, 0) + 1
        if question.id in self.stopped or step > 3:
            return list(super().events(timeout))
        return [Report(question.id, step, question.params.get("x", 0.1))]

    def end(self, question: Fit) -> Result:
        if question.id in self.stopped:
            return Result(question.id, "pruned", self.stopped[question.id], fit_seconds=0.1)
        return scored(question, question.params.get("x", 0.1))


def search(pool: FakePool, trials: int = 40) -> list[Trial]:
    models = (candidate("baseline", space={}), candidate("a"))
    budget = Budget(math.inf, time.monotonic())
    return Search(
        pool, Path("nowhere"), models, Metric(METRIC, ""), (METRIC,), budget, trials, None, 0, Log(), lambda: False
    ).run()  # type: ignore[arg-type]


def test_a_search_prunes_what_is_behind_and_still_finds_the_best() -> None:
    trials = search(Learning())
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert 5 < len(pruned) < 35
    assert all(
        trial.objective is None and "below the median" in trial.result.reason for trial in pruned if trial.result
    )
    assert {len(trial.reports) for trial in pruned} == {1}
    assert max(trial.objective or 0 for trial in trials) > 0.9, "TPE has learned from the pruned ones too"


def test_one_worker_hears_a_verdict_on_each_report_several_hear_only_bad_news() -> None:
    alone, several = Learning(), Learning(size=2)
    search(alone, 12)
    search(several, 12)
    assert {question.reports for question in alone.asked} == {"awaited"}
    assert {question.reports for question in several.asked} == {"posted"}
    assert len(alone.verdicts) > 12 and any(not verdict.stop for verdict in alone.verdicts)
    assert several.verdicts and all(verdict.stop for verdict in several.verdicts)


def test_one_seed_gives_the_same_trials_twice() -> None:
    runs = [[(trial.model, trial.params, trial.state) for trial in search(Learning())] for _ in range(2)]
    assert runs[0] == runs[1]
