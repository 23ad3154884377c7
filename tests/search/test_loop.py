"""The search loop, on a pool that answers at once."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.search.conftest import METRIC, FakePool, Log, candidate, scored
from workbench.contract.metric import Metric
from workbench.errors import CannotGoOn
from workbench.execution.originals import DATA_CHANGED
from workbench.execution.work import Fit, Result, Weighed
from workbench.search.budget import Budget
from workbench.search.loop import Search
from workbench.search.trial import Past, Trial
from workbench.shortage import NO_ROOM


def search(pool: FakePool, log: Log, **changes: Any) -> Search:
    settings: dict[str, Any] = {
        "pool": pool,
        "folder": Path("nowhere"),
        "candidates": (candidate("baseline", space={}), candidate("a"), candidate("b")),
        "metric": Metric(METRIC, ""),
        "metrics": (METRIC,),
        "budget": Budget(math.inf, time.monotonic()),
        "max_trials": 10,
        "uncounted": None,
        "seed": 0,
        "observer": log,
        "interrupted": lambda: False,
    }
    return Search(**{**settings, **changes})


def by_x(question: Fit) -> Result:
    return scored(question, question.params.get("x", 0.1))


def test_so_many_trials_and_every_one_is_heard_of(log: Log) -> None:
    trials = search(FakePool(by_x), log).run()
    assert [trial.number for trial in trials] == list(range(1, 11))
    assert log.started == list(range(1, 11))
    assert log.finished == ["complete"] * 10
    assert [trial.model for trial in trials[:3]] == ["baseline", "a", "b"]
    assert all(trial.objective == trial.params.get("x", 0.1) for trial in trials)


def test_a_baseline_that_was_added_does_not_count(log: Log) -> None:
    trials = search(FakePool(by_x), log, uncounted="baseline").run()
    assert len(trials) == 11
    assert [trial.model for trial in trials].count("baseline") == 1


def test_a_failed_trial_is_kept_with_its_reason_and_others_go_on(log: Log) -> None:
    def answer(question: Fit) -> Result:
        if question.load.endswith(":a"):
            return Result(question.id, "failed", "ValueError: no")
        return by_x(question)

    trials = search(FakePool(answer), log, max_trials=20).run()
    failed = [trial for trial in trials if trial.model == "a"]
    assert {trial.state for trial in failed} == {"failed"}
    assert failed[0].result is not None
    assert failed[0].result.reason == "ValueError: no"
    assert len(failed) == 3, "then it is given up"
    assert len(trials) == 20


@pytest.mark.parametrize("reason", [f"{NO_ROOM} /tmp", f"{DATA_CHANGED}: items.npy"])
def test_what_spoils_all_that_comes_ends_the_search_after_its_trial_is_told(log: Log, reason: str) -> None:
    def answer(question: Fit) -> Result:
        return Result(question.id, "failed", reason) if question.load.endswith(":b") else by_x(question)

    pool = FakePool(answer)
    with pytest.raises(CannotGoOn, match=reason):
        search(pool, log).run()
    assert log.finished == ["complete", "complete", "failed"] and len(pool.asked) == 3


def test_what_a_worker_notes_is_kept_with_the_trial(log: Log) -> None:
    pool = FakePool(lambda question: replace(by_x(question), notes=("metric m: ValueError: no",)))
    assert {trial.note for trial in search(pool, log).run()} == {"metric m: ValueError: no"}


def test_an_error_is_searched_downwards(log: Log) -> None:
    trials = search(FakePool(by_x), log, metric=Metric(METRIC, "", larger_is_better=False), max_trials=40).run()
    assert all(trial.objective == -trial.params.get("x", 0.1) for trial in trials)
    late = [trial.params["x"] for trial in trials[-12:] if "x" in trial.params]
    assert sum(late) / len(late) < 0.3


def test_an_interrupt_cancels_what_runs_and_starts_no_more(log: Log) -> None:
    pool = FakePool(by_x, size=2)
    trials = search(pool, log, interrupted=lambda: len(pool.asked) >= 4).run()
    assert len(trials) == 4
    assert trials[-1].state == "cancelled"
    assert trials[0].state == "complete"


def test_without_time_left_only_the_baseline_runs(log: Log) -> None:
    pool = FakePool(by_x)
    trials = search(pool, log, budget=Budget(10.0, time.monotonic() - 60), max_trials=None).run()
    assert [trial.model for trial in trials] == ["baseline"]
    assert pool.asked[0].seconds is None, "it alone may overrun"


def test_no_trial_starts_that_would_eat_the_reserve(log: Log) -> None:
    """Trials of twenty seconds by their own word, a hundred in all: the finish needs forty, its largest share."""
    models = (candidate("baseline", 0.1, space={}), candidate("a", 20.0))
    budget = Budget(100.0, time.monotonic())

    def answer(question: Fit) -> Result:
        seconds = 0.1 if question.load.endswith("baseline") else 20.0
        budget_moves(one, seconds)
        return scored(question, 0.5, seconds)

    one = search(FakePool(answer), log, candidates=models, budget=budget, max_trials=None)
    trials = one.run()
    assert one.reserve() == pytest.approx(40.0)
    assert [trial.model for trial in trials] == ["baseline", "a", "a"], "a third would end at 60.1 of the 55 there are"


def budget_moves(one: Search, seconds: float) -> None:
    """Let time pass without waiting."""
    one.budget = Budget(one.budget.seconds, one.budget.started - seconds)


def test_each_models_best_fit_is_kept_and_no_other(log: Log, tmp_path: Path) -> None:
    def answer(question: Fit) -> Result:
        value = question.params.get("x", 0.1)
        if question.better_than is None or value > question.better_than:
            assert question.save is not None
            Path(question.save).mkdir()
        return by_x(question)

    trials = search(FakePool(answer), log, folder=tmp_path, max_trials=20).run()
    best = {
        max((t for t in trials if t.model == name), key=lambda t: t.objective or 0).id
        for name in ("baseline", "a", "b")
    }
    assert {path.name for path in tmp_path.iterdir()} == {f"{id}-search" for id in best}
    assert {trial.id for trial in trials if trial.search_folder is not None} == best


def test_seeds_depend_on_the_params_not_on_the_order(log: Log) -> None:
    first = search(FakePool(by_x), log).run()
    second = search(FakePool(by_x, size=3), Log()).run()
    by_params = {(trial.model, str(trial.params)): trial.seed for trial in first}
    shared = [trial for trial in second if (trial.model, str(trial.params)) in by_params]
    assert len(shared) >= 3
    assert all(by_params[trial.model, str(trial.params)] == trial.seed for trial in shared)
    assert len({trial.seed for trial in first}) == len(first)


def as_past(trials: list[Trial], again: tuple[tuple[str, dict[str, Any]], ...] = (), last: int | None = None) -> Past:
    return Past(tuple(trials), again, trials[-1].number if last is None else last)


def test_a_search_that_goes_on_ends_as_the_unbroken_one() -> None:
    def settings(trials: list[Trial]) -> list[Any]:
        return [(trial.model, trial.params, trial.seed, trial.objective) for trial in trials]

    whole = search(FakePool(by_x), Log(), max_trials=25).run()
    for known in (1, 2, 3, 9, 24, 25):
        lost = (whole[known].model, dict(whole[known].params)) if known < 25 else None
        past = as_past(whole[:known], (lost,) if lost else (), known + 1)
        pool = FakePool(by_x)
        trials = search(pool, Log(), max_trials=25, past=past).run()
        assert settings(trials) == settings(whole), known
        assert len(pool.asked) == 25 - known, "what has a result is not tried again"
        assert [trial.number for trial in trials[known:]] == list(range(known + 2, 27))


def test_what_was_not_finished_is_tried_first_and_once() -> None:
    whole = search(FakePool(by_x), Log(), max_trials=5).run()
    again = (("b", {"x": 0.123}), ("gone", {"x": 0.5}), ("a", {"x": 0.456}))
    log = Log()
    trials = search(FakePool(by_x), log, max_trials=9, past=as_past(whole, again, last=8)).run()
    assert [(trial.model, trial.params) for trial in trials[5:7]] == [("b", {"x": 0.123}), ("a", {"x": 0.456})]
    assert log.started == [9, 10, 11, 12]


def test_trials_of_a_model_that_is_gone_count() -> None:
    other = Trial(1, "gone", {"x": 1}, 0, result=Result("", "complete"), objective=0.9, draws=[0.9])
    trials = search(FakePool(by_x), Log(), max_trials=4, past=as_past([other])).run()
    assert [trial.model for trial in trials] == ["gone", "baseline", "a", "b"]


def test_a_model_that_only_failed_before_the_resume_is_still_given_up() -> None:
    failed = [Trial(n, "a", {"x": n / 10}, 0, result=Result("", "failed", "no"), earlier=True) for n in range(1, 4)]
    trials = search(FakePool(by_x), Log(), max_trials=20, past=as_past(failed)).run()
    assert "a" not in [trial.model for trial in trials[3:]]


def test_without_time_nothing_is_tried_once_more() -> None:
    whole = search(FakePool(by_x), Log(), max_trials=5).run()
    past = as_past(whole, (("a", {"x": 0.456}),))
    assert search(FakePool(by_x), Log(), budget=Budget(0.01, time.monotonic() - 1), past=past).run() == whole


class Watched(FakePool):
    """Notes, whenever it is waited for, how many questions were asked of the studies beyond those handed out."""

    def __init__(self, size: int) -> None:
        super().__init__(by_x, size)
        self.models = (candidate("baseline", space={}), candidate("a"), candidate("b"))
        self.ahead: list[int] = []

    def events(self, timeout: float) -> list[Result | Weighed]:
        asked = sum(len(model.study._tried) for model in self.models)
        self.ahead.append(asked - len(self.asked))
        return super().events(timeout)


@pytest.mark.parametrize(("size", "ahead"), [(1, {0}), (2, {0, 1})])
def test_the_next_question_is_ready_while_several_are_busy_and_one_waits(log: Log, size: int, ahead: set[int]) -> None:
    pool = Watched(size)
    trials = search(pool, log, candidates=pool.models, max_trials=20).run()
    assert set(pool.ahead) == ahead
    assert [trial.number for trial in trials] == list(range(1, 21))
    assert pool.ahead[-1] == 0, "nothing is asked for that will not be tried"
