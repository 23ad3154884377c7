"""From the best trials to a ranking: draws, ties, refit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.search.conftest import METRIC, FakePool, Log, ended, scored
from workbench.contract.metric import Group, Metric, Mistake
from workbench.execution.work import Fit, Result
from workbench.search.budget import Budget
from workbench.search.fits import Fits
from workbench.search.selection import DRAWS, Selection, finalists
from workbench.search.trial import Sizes, Trial

USERS = 400


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Selection]:
    (tmp_path / "values").mkdir()
    (tmp_path / "models").mkdir()

    def build(pool: FakePool, budget: Budget | None = None, keep: int = 1, ensembles: bool = False) -> Selection:
        loads = {name: f"nowhere:{name}" for name in ("a", "b", "c")}
        budget = budget or Budget(math.inf, time.monotonic())
        metric = Metric(METRIC, "")
        fits = Fits(pool, tmp_path, loads, (METRIC,), budget, lambda: False)  # type: ignore[arg-type]
        return Selection(fits, metric, keep, ensembles, Log())  # type: ignore[arg-type]

    return build


def values_of(folder: Path, id: str, mean: float, noise: float = 0.02) -> None:
    """Values per user around a mean, the same users' luck for every model."""
    draw = sum(map(ord, id.partition("-")[2]))
    luck = np.random.default_rng(draw).normal(0, 0.2, USERS)
    own = np.random.default_rng([draw, round(1e6 * mean)]).normal(0, noise, USERS)  # ids differ from run to run
    np.save(folder / "values" / f"{id}.npy", (mean + luck + own).astype(np.float32))
    np.save(folder / "values" / f"{id}.ids.npy", np.arange(USERS))


def answering(folder: Path, means: dict[str, float]) -> Callable[[Fit], Result]:
    def answer(question: Fit) -> Result:
        mean = means[question.load.partition(":")[2]]
        values_of(folder, question.id, mean)
        if question.save is not None:
            Path(question.save).mkdir(parents=True)
        return scored(question, mean)

    return answer


def test_finalists_are_the_best_of_each_of_five_models_and_three_more_and_the_baseline() -> None:
    trials = [ended(name, value, number) for number, (name, value) in enumerate(
        [("base", 0.1), *((f"m{i}", 0.2 + i / 8) for i in range(6)), ("m5", 0.9), ("m0", None), ("m5", 0.8),
         ("m2", 0.44), ("base", 0.05)]
    )]  # fmt: skip
    chosen, yardstick = finalists(trials, "base")
    assert [(trial.model, trial.objective) for trial in chosen] == [
        ("m5", 0.9), ("m5", 0.825), ("m5", 0.8), ("m4", 0.7), ("m3", 0.575), ("m2", 0.45), ("m2", 0.44), ("m1", 0.325),
    ]  # fmt: skip
    assert [(trial.model, trial.objective) for trial in yardstick] == [("base", 0.1)]
    assert finalists([ended("m", None)], "base") == ([], [])


def test_a_baseline_among_the_best_is_a_finalist_once() -> None:
    trials = [ended("base", 0.5, 1), ended("m", 0.4, 2), ended("base", 0.3, 3)]
    assert finalists(trials, "base") == (trials[:2], [])


def test_one_finalist_of_each_model_pays_for_what_they_share_on_another_part() -> None:
    trials = [ended("a", 0.3, 1), ended("a", 0.5, 2), ended("a", 0.4, 3), ended("b", 0.2, 4)]
    for trial, shared in zip(trials, (20.0, 0.1, 5.0, 0.0), strict=True):
        trial.result = replace(trial.result, shared_seconds=shared)  # type: ignore[type-var]
    chosen, _ = finalists(trials, "base")
    assert {trial.number: trial.cost_anew for trial in chosen} == {2: 21.0, 3: 1.0, 1: 1.0, 4: 1.0}


def test_on_another_part_a_network_is_trained_for_as_many_epochs_as_were_best() -> None:
    trial = ended("a", 0.5, seconds=6.0)
    assert trial.cost_anew == 6.0
    trial.result = replace(trial.result, epochs=2)  # type: ignore[type-var]
    trial.reports = dict.fromkeys(range(1, 7), 0.5)
    assert trial.cost_anew == 2.0
    trial.reports = {}  # they are those of an earlier session
    assert trial.cost_anew == 6.0


def test_the_mean_over_draws_decides_not_the_first_draw(make: Callable[..., Selection], tmp_path: Path) -> None:
    lucky, better = ended("a", 0.45, 1), ended("b", 0.44, 2)
    for trial in (lucky, better):
        values_of(tmp_path, trial.id, trial.objective or 0.0)
    selection = make(FakePool(answering(tmp_path, {"a": 0.40, "b": 0.44})))
    ranked = selection.rank([lucky, better], [], 9, lambda draw: True)
    assert [trial.model for trial in ranked] == ["b", "a"]
    assert [trial.rank for trial in ranked] == [1, 2]
    assert ranked[0].draws == [0.44] * DRAWS
    assert ranked[1].objective == pytest.approx((0.45 + 4 * 0.40) / 5)


def test_a_clear_lead_is_no_tie_and_no_lead_is_one(make: Callable[..., Selection], tmp_path: Path) -> None:
    trials = [ended("a", 0.50, 1), ended("b", 0.4999, 2), ended("c", 0.45, 3)]
    for trial in trials:
        values_of(tmp_path, trial.id, trial.objective or 0.0)
    means = {"a": 0.50, "b": 0.4999, "c": 0.45}
    ranked = make(FakePool(answering(tmp_path, means))).rank(trials, [], 9, lambda draw: True)
    assert {trial.model: trial.tied for trial in ranked} == {"a": True, "b": True, "c": False}
    assert all(trial.interval and trial.interval[0] < (trial.objective or 0) < trial.interval[1] for trial in ranked)


def test_what_probabilities_are_calibrated_by_is_the_mean_of_what_the_draws_have(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    steady, trial = answering(tmp_path, {"a": 0.5}), ended("a", 0.5)
    assert trial.result is not None and trial.temperature is None
    trial.result = replace(trial.result, temperature=2.0)
    assert trial.temperature == 2.0
    pool = FakePool(lambda question: replace(steady(question), temperature=0.5 if question.score == "valid-1" else 2.0))
    make(pool).rank([trial], [], 9, lambda draw: True)
    assert trial.temperature == pytest.approx(2.0 ** ((DRAWS - 2) / DRAWS))


def test_every_draw_has_luck_of_its_own(make: Callable[..., Selection], tmp_path: Path) -> None:
    pool = FakePool(answering(tmp_path, {"a": 0.5}))
    make(pool).rank([ended("a", 0.5)], [], 9, lambda draw: True)
    seeds = [question.seed for question in pool.asked]
    assert len(set(seeds)) == len(seeds) == DRAWS - 1


def test_without_time_the_first_draw_has_to_do(make: Callable[..., Selection], tmp_path: Path) -> None:
    trial = ended("a", 0.5)
    pool = FakePool(answering(tmp_path, {"a": 0.5}))
    ranked = make(pool, Budget(10.0, time.monotonic() - 10)).rank([trial], [], 9, lambda draw: True)
    assert ranked[0].draws == [0.5]
    assert pool.asked == []


def test_the_slowest_are_left_out_where_they_keep_others_from_being_compared(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    costs = {"a": 1.0, "b": 30.0, "c": 1.0}
    trials = [ended(name, 0.5 - 0.1 * number, number, seconds) for number, (name, seconds) in enumerate(costs.items())]
    means = {"a": 0.5, "b": 0.4, "c": 0.3}
    budget = Budget(60.0, time.monotonic() - 20)
    ranked = make(FakePool(answering(tmp_path, means)), budget).rank(list(trials), [], 9, lambda draw: True)
    assert [(trial.model, len(trial.draws)) for trial in ranked] == [("a", DRAWS), ("c", DRAWS)]
    assert "too slow" in trials[1].note


def test_none_is_left_out_for_nothing(make: Callable[..., Selection], tmp_path: Path) -> None:
    trials = [ended("a", 0.5, 1, 30.0), ended("b", 0.4, 2, 1.0), ended("c", 0.3, 3, 1.0)]
    pool = FakePool(answering(tmp_path, {"a": 0.5, "b": 0.4, "c": 0.3}))
    ranked = make(pool, Budget(60.0, time.monotonic() - 20)).rank(list(trials), [], 9, lambda draw: True)
    assert [(trial.model, len(trial.draws)) for trial in ranked] == [("a", 1), ("b", 1), ("c", 1)]


@pytest.mark.parametrize(("ahead", "left_out"), [(0.0005, True), (0.1, False)])
def test_the_best_is_left_out_where_it_is_slow_and_the_next_as_good(
    make: Callable[..., Selection], tmp_path: Path, ahead: float, left_out: bool
) -> None:
    trials = [ended("a", 0.5, 1, 30.0), ended("b", 0.5 - ahead, 2, 1.0), ended("c", 0.3, 3, 1.0)]
    for trial in trials:
        values_of(tmp_path, trial.id, trial.objective or 0.0)
    pool = FakePool(answering(tmp_path, {"a": 0.5, "b": 0.4, "c": 0.3}))
    ranked = make(pool, Budget(60.0, time.monotonic() - 20)).rank(list(trials), [], 9, lambda draw: True)
    assert [trial.model for trial in ranked] == (["b", "c"] if left_out else ["a", "b", "c"])
    assert len(ranked[0].draws) == (DRAWS if left_out else 1)


def test_a_finalist_that_fails_on_a_draw_ranks_behind_and_says_so(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    good, shaky = ended("a", 0.4, 1), ended("b", 0.6, 2)
    steady = answering(tmp_path, {"a": 0.4, "b": 0.6})

    def answer(question: Fit) -> Result:
        fails = question.load.endswith(":b") and question.score == "valid-2"
        return Result(question.id, "failed", "ValueError: no") if fails else steady(question)

    ranked = make(FakePool(answer)).rank([good, shaky], [], 9, lambda draw: True)
    assert [trial.model for trial in ranked] == ["a", "b"]
    assert ranked[1].note == "draw 2 of valid: failed, ValueError: no"


def test_the_best_are_fitted_on_train_and_valid_scored_on_test_and_kept(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    ranked = [ended("a", 0.5, 1), ended("b", 0.4, 2)]
    for rank, trial in enumerate(ranked, 1):
        trial.rank = rank
    pool = FakePool(answering(tmp_path, {"a": 0.55, "b": 0.45}))
    make(pool).refit(ranked)
    assert {(question.train, question.score, question.search) for question in pool.asked} == {
        ("train_valid", "test", False)
    }
    assert [trial.test[METRIC] for trial in ranked] == [0.55, 0.45]
    assert ranked[0].model_folder is not None
    assert ranked[1].model_folder is None, "only one is kept"


def test_a_refit_that_fails_falls_back_on_the_fit_of_the_search(make: Callable[..., Selection], tmp_path: Path) -> None:
    trial = ended("a", 0.5)
    trial.rank, trial.search_folder = 1, str(tmp_path / "kept")
    steady = answering(tmp_path, {"a": 0.52})

    def answer(question: Fit) -> Result:
        fails = question.train == "train_valid"
        return Result(question.id, "failed", "ValueError: no") if fails else steady(question)

    pool = FakePool(answer)
    make(pool).refit([trial])
    assert [(question.train, question.restore) for question in pool.asked] == [
        ("train_valid", None), ("train", trial.search_folder),
    ]  # fmt: skip
    assert trial.test[METRIC] == 0.52
    assert trial.note.startswith("refit failed: ValueError: no; the fit of the search is used")
    assert trial.model_folder == trial.search_folder


def test_what_was_noted_of_a_trial_is_neither_lost_nor_said_twice(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    """A metric missing on valid, a draw that failed, a refit that failed, a metric missing on test."""
    trial, other = ended("a", 0.5, 1), ended("b", 0.4, 2)
    trial.search_folder = str(tmp_path / "kept")
    trial.remark("metric m: ValueError: no")
    steady = answering(tmp_path, {"a": 0.5, "b": 0.4})

    def answer(question: Fit) -> Result:
        if question.load.endswith(":a") and (question.score == "valid-2" or question.train == "train_valid"):
            return Result(question.id, "failed", "KeyError: 7")
        notes = ("metric m: ValueError: no", "metric n: too late") if question.restore else ()
        return replace(steady(question), notes=notes)

    selection = make(FakePool(answer))
    ranked = selection.rank([trial, other], [], 9, lambda draw: True)
    selection.refit(ranked)
    assert trial.note == (
        "metric m: ValueError: no; draw 2 of valid: failed, KeyError: 7; refit failed: KeyError: 7; "
        "metric n: too late; the fit of the search is used"
    )
    assert other.note == ""


def test_the_result_on_test_is_kept_broken_down(make: Callable[..., Selection], tmp_path: Path) -> None:
    group, mistake = Group("users' activity", "5 known", METRIC, 0.5, 3), Mistake("row 3", "a", "b", 0.9)
    steady = answering(tmp_path, {"a": 0.5, "b": 0.4})
    trials = [ended("a", 0.5, 1), ended("b", 0.4, 2, seconds=60.0)]
    trials[1].search_folder = str(tmp_path / "kept")
    pool = FakePool(lambda question: replace(steady(question), groups=(group,), mistakes=(mistake,)))
    make(pool, Budget(50.0, time.monotonic())).refit(trials)
    assert [question.train for question in pool.asked] == ["train_valid", "train"], "the second has no time for a refit"
    assert [trial.groups for trial in trials] == [(group,), (group,)]
    assert [trial.mistakes for trial in trials] == [(mistake,), (mistake,)]


def test_without_time_for_a_refit_one_model_is_finished_all_the_same(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    trials = [ended("a", 0.5, 1, seconds=60.0), ended("b", 0.4, 2, seconds=60.0)]
    for rank, trial in enumerate(trials, 1):
        trial.rank, trial.search_folder = rank, str(tmp_path / trial.id)
    pool = FakePool(answering(tmp_path, {"a": 0.52, "b": 0.41}))
    make(pool, Budget(10.0, time.monotonic()), keep=1).refit(trials)
    assert {question.train for question in pool.asked} == {"train"}, "no refit was begun that could not end"
    assert trials[0].test[METRIC] == 0.52
    assert [trial.model_folder is not None for trial in trials] == [True, False]


def test_finalists_that_fail_on_different_draws_are_compared_on_the_common_ones(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    trials = [ended("a", 0.5, 1), ended("b", 0.4, 2)]
    for trial in trials:
        values_of(tmp_path, trial.id, trial.objective or 0.0)
    steady = answering(tmp_path, {"a": 0.5, "b": 0.4})

    def answer(question: Fit) -> Result:
        fails = question.load[-1] + question.score[-1] in ("a1", "b2")
        return Result(question.id, "failed", "ValueError: no") if fails else steady(question)

    ranked = make(FakePool(answer)).rank(trials, [], 9, lambda draw: True)
    assert [(trial.model, len(trial.draws), trial.tied) for trial in ranked] == [("a", 4, False), ("b", 4, False)]


def test_a_baseline_beyond_the_best_five_is_ranked_last_on_its_one_draw(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    trials = [ended("a", 0.5, number) for number in range(5)]
    baseline = ended("b", 0.1, 9)
    pool = FakePool(answering(tmp_path, {"a": 0.3, "b": 0.9}))
    ranked = make(pool).rank(trials, [baseline], 9, lambda draw: True)
    assert (ranked[-1], baseline.rank, baseline.draws) == (baseline, 6, [0.1])
    assert {question.load for question in pool.asked} == {"nowhere:a"}


@pytest.mark.parametrize("earlier", [False, True])
def test_folds_are_draws_enough_and_are_scored_again_for_an_earlier_finalist(
    make: Callable[..., Selection], tmp_path: Path, earlier: bool
) -> None:
    trials = [ended("a", 0.45, 1), ended("b", 0.44, 2)]
    for trial in trials:
        trial.draws, trial.earlier = [trial.objective or 0.0] * 3, earlier
        values_of(tmp_path, trial.id, trial.objective or 0.0)
    pool = FakePool(answering(tmp_path, {"a": 0.45, "b": 0.44}))
    selection = replace(make(pool, ensembles=True), sizes=Sizes(folds=3))
    ranked = selection.rank(trials, [], 9, lambda draw: True)
    assert [(trial.model, len(trial.draws)) for trial in ranked] == [("a", 3), ("b", 3)]
    assert [question.folds for question in pool.asked] == ([3, 3] if earlier else [])
    assert ranked[0].note == "no ensemble is made with --folds"


def test_equal_objectives_go_to_the_earlier_trial(make: Callable[..., Selection], tmp_path: Path) -> None:
    trials: list[Trial] = [ended("b", 0.5, 2), ended("a", 0.5, 1)]
    ranked = make(FakePool(answering(tmp_path, {"a": 0.5, "b": 0.5}))).rank(trials, [], 9, lambda draw: False)
    assert [trial.model for trial in ranked] == ["a", "b"]


def test_finalists_of_an_earlier_session_are_compared_as_if_it_had_not_ended(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    def ranked(earlier: bool) -> list[Trial]:
        first, second = ended("a", 0.45, 1), ended("b", 0.44, 2)
        first.id, second.id = "1" * 32, "2" * 32
        first.earlier = earlier
        values_of(tmp_path, second.id, 0.44)
        if not earlier:
            values_of(tmp_path, first.id, 0.45)
        else:
            for path in (tmp_path / "values").glob("1*"):
                path.unlink()
        return make(FakePool(answering(tmp_path, {"a": 0.40, "b": 0.44}))).rank([first, second], [], 9, lambda _: True)

    unbroken, resumed = ranked(False), ranked(True)
    assert [(trial.model, trial.objective, len(trial.draws)) for trial in resumed] == [
        (trial.model, trial.objective, len(trial.draws)) for trial in unbroken
    ]
    assert all(trial.interval is not None for trial in resumed)


def test_without_time_for_its_values_an_earlier_finalist_keeps_its_score(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    trial = ended("a", 0.45, 1)
    trial.earlier = True
    pool = FakePool(answering(tmp_path, {"a": 0.40}))
    (only,) = make(pool, Budget(0.5, time.monotonic())).rank([trial], [], 9, lambda _: True)
    assert (only.objective, only.draws, only.tied, pool.asked) == (0.45, [0.45], False, [])


def test_the_best_of_an_earlier_session_is_fitted_anew_whatever_it_takes(
    make: Callable[..., Selection], tmp_path: Path
) -> None:
    """The fit of the search, which would do instead, went with its session."""
    trials = [ended("a", 0.45, 1, seconds=100), ended("b", 0.44, 2, seconds=100)]
    for rank, trial in enumerate(trials, 1):
        trial.earlier, trial.rank = True, rank

    def answer(question: Fit) -> Result:
        if question.load.endswith(":a"):
            return Result(question.id, "failed", "out of luck")
        return answering(tmp_path, {"b": 0.44})(question)

    pool = FakePool(answer)
    make(pool, Budget(1, time.monotonic()), keep=2).refit(trials)
    assert [question.seconds for question in pool.asked] == [None, None]
    assert (trials[0].test, trials[1].test) == ({}, {METRIC: 0.44})
    assert trials[1].model_folder is not None


def test_what_the_finish_takes_is_more_where_the_search_scored_less() -> None:
    trial = ended("a", 0.5)
    trial.result = Result("", "complete", fit_seconds=2.0, score_seconds=0.5)
    assert Sizes().final(trial) == 2.5
    assert Sizes(folds=2).final(trial) == 1.25
    assert Sizes(growth=2.0).final(trial) == 5.0
    assert Sizes(thinning=10.0).final(trial) == 7.0
    assert Sizes(thinning=10.0).extra([trial, trial]) == 9.0
