"""Intervals, ties and leads of finalists."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from tests.search.conftest import METRIC, ended
from workbench.contract.metric import Metric
from workbench.search.comparing import Values, compare, lead, prefer_cheap
from workbench.search.trial import Trial

LARGER, SMALLER = Metric(METRIC, ""), Metric(METRIC, "", larger_is_better=False)
USERS = np.arange(100)
LUCK = np.random.default_rng(0).normal(0, 0.2, 100)
PAIRED = np.tile([0.1, -0.1], 50)


def finalist(model: str, objective: float, *ids: str) -> Trial:
    trial = ended(model, objective)
    trial.scored = dict(enumerate(ids))
    return trial


def of(values: dict[str, np.ndarray]) -> object:
    def read(id: str) -> Values:
        if id not in values:
            return None
        n = len(values[id])
        return values[id].astype(np.float32), USERS[:n], np.zeros(n, np.int64)

    return read


def test_a_lead_is_counted_in_standard_errors_of_the_paired_difference() -> None:
    values = of({"a": 0.5 + LUCK, "b": 0.5 + LUCK - 0.02 + PAIRED})
    a, b = finalist("a", 0.5, "a"), finalist("b", 0.48, "b")
    for first, second, metric, expected in ((a, b, LARGER, 0.02), (b, a, LARGER, -0.02), (a, b, SMALLER, -0.02)):
        ahead = lead(first, second, metric, values)  # type: ignore[arg-type]
        assert ahead is not None
        assert (ahead.value, ahead.error) == pytest.approx((expected, PAIRED.std(ddof=1) / 10), rel=1e-4)


def test_the_same_users_on_more_draws_are_no_more_users() -> None:
    values = of({name: 0.5 + LUCK + (name[0] == "b") * (PAIRED - 0.02) for name in ("a0", "a1", "b0", "b1")})
    once = lead(finalist("a", 0.5, "a0"), finalist("b", 0.5, "b0"), LARGER, values)  # type: ignore[arg-type]
    twice = lead(finalist("a", 0.5, "a0", "a1"), finalist("b", 0.5, "b0", "b1"), LARGER, values)  # type: ignore[arg-type]
    assert once is not None and twice is not None
    assert (once.value, once.error) == pytest.approx((twice.value, twice.error), rel=1e-4)


def test_a_lead_is_over_common_draws_and_unknown_without_values() -> None:
    values = of({"a0": 0.5 + LUCK, "b0": 0.4 + LUCK + PAIRED, "b1": 0.9 + LUCK})
    a, b = finalist("a", 0.5, "a0"), finalist("b", 0.6, "b0", "b1")
    known = lead(a, b, LARGER, values)  # type: ignore[arg-type]
    assert known is not None and known.value > 5 * known.error
    assert lead(a, finalist("c", 0.4, "c0"), LARGER, values) is None  # type: ignore[arg-type]
    assert lead(a, finalist("b", 0.4, "b0", "c1"), LARGER, values) == known  # type: ignore[arg-type]
    apart = finalist("b", 0.4)
    apart.scored = {1: "b1"}
    assert lead(a, apart, LARGER, values) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", [LARGER, SMALLER])
def test_intervals_are_on_the_scale_of_the_metric_and_hold_95_percent(metric: Metric) -> None:
    a = finalist("a", metric.objective(0.5), "a")
    compare([a], metric, of({"a": 0.5 + LUCK - LUCK.mean()}))  # type: ignore[arg-type]
    half = student.ppf(0.975, 99) * LUCK.std(ddof=1) / 10
    assert a.interval == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)
    assert not a.tied


def test_who_may_be_as_good_is_tied_with_the_leader_and_who_is_not_comparable_is_not() -> None:
    values = of({"a": 0.5 + LUCK, "b": 0.5 + LUCK - 0.001 + PAIRED, "c": 0.4 + LUCK + PAIRED})
    ranked = [finalist(name, 0.5 - place / 10, name) for place, name in enumerate("abcd")]
    compare(ranked, LARGER, values)  # type: ignore[arg-type]
    assert [trial.tied for trial in ranked] == [True, True, False, False]
    assert ranked[3].interval is None


def test_intervals_end_where_the_metric_does() -> None:
    share = Metric(METRIC, "", bounds=(0.0, 1.0))
    almost = np.where(np.arange(100) < 99, 1.0, 0.0)
    good, bad = finalist("a", 0.99, "good"), finalist("b", 0.01, "bad")
    compare([good, bad], share, of({"good": almost, "bad": 1 - almost}))  # type: ignore[arg-type]
    assert good.interval is not None and bad.interval is not None
    assert (good.interval[1], bad.interval[0]) == (1.0, 0.0)
    assert 0.96 < good.interval[0] < 0.98


def test_folds_are_draws_of_their_own() -> None:
    """Each fold has a fit of its own, so that its luck is in the interval."""
    shifts = np.repeat([-0.2, 0.0, 0.0, 0.2], 25)

    def read(id: str) -> Values:
        values = 0.5 + LUCK + (shifts if id == "lucky" else 0)
        return values.astype(np.float32), USERS, np.repeat(np.arange(4), 25)

    steady, lucky = finalist("a", 0.5, "steady"), finalist("b", 0.5, "lucky")
    compare([steady, lucky], LARGER, read)
    assert steady.interval is not None and lucky.interval is not None
    assert lucky.interval[1] - lucky.interval[0] > 1.5 * (steady.interval[1] - steady.interval[0])


def test_one_example_has_no_interval() -> None:
    a = finalist("a", 0.5, "a")
    compare([a], LARGER, of({"a": np.array([0.5])}))  # type: ignore[arg-type]
    assert a.interval is None


ON_TWO_DRAWS = {
    f"{name}{draw}": 0.5 + LUCK - behind + PAIRED * (name != "a")
    for name, behind in {"a": 0.0, "near": 0.001, "tied": 0.015, "far": 0.1}.items()
    for draw in range(2)
}


@pytest.mark.parametrize(
    ("costs", "first"),
    [
        ({"near": 0.1, "tied": 0.01, "far": 0.01}, "near"),  # a tie may be nearly two standard errors wide
        ({"near": 0.9, "tied": 0.01, "far": 0.01}, "a"),  # not worth a change
    ],
)
def test_of_those_as_good_as_the_best_a_far_cheaper_one_goes_first(costs: dict[str, float], first: str) -> None:
    values = of(ON_TWO_DRAWS)
    ranked = [finalist(name, 0.5, f"{name}0", f"{name}1") for name in ("a", "near", "tied", "far")]
    for trial in ranked:
        trial.draws = [0.5, 0.5]
    compare(ranked, LARGER, values)  # type: ignore[arg-type]
    assert [trial.tied for trial in ranked] == [True, True, True, False]
    prefer_cheap(ranked, LARGER, values, lambda trial: {"a": 1.0, **costs}[trial.model])  # type: ignore[arg-type]
    rest = [name for name in ("a", "near", "tied", "far") if name != first]
    assert [trial.model for trial in ranked] == [first, *rest]
    assert ("cheaper" in ranked[0].note) == (first != "a")


def test_on_one_draw_no_cheaper_one_is_preferred() -> None:
    values = of(ON_TWO_DRAWS)
    ranked = [finalist("a", 0.5, "a0"), finalist("near", 0.499, "near0")]
    for trial in ranked:
        trial.draws = [0.5]
    compare(ranked, LARGER, values)  # type: ignore[arg-type]
    prefer_cheap(ranked, LARGER, values, lambda trial: float(trial.model == "a"))  # type: ignore[arg-type]
    assert [trial.model for trial in ranked] == ["a", "near"]


@pytest.mark.parametrize(("value", "first"), [(0.498, "near"), (0.497, "a")])
def test_a_lead_that_users_would_notice_is_not_given_away_for_want_of_examples(value: float, first: str) -> None:
    values = of(ON_TWO_DRAWS)
    ranked = [finalist("a", 0.5, "a0", "a1"), finalist("near", value, "near0", "near1")]
    for trial in ranked:
        trial.draws = [trial.objective or 0.0] * 2
    compare(ranked, LARGER, values)  # type: ignore[arg-type]
    prefer_cheap(ranked, LARGER, values, lambda trial: float(trial.model == "a"))  # type: ignore[arg-type]
    assert ranked[0].model == first


def test_what_costs_next_to_nothing_is_cheap_enough() -> None:
    values = of(ON_TWO_DRAWS)
    ranked = [finalist("a", 0.5, "a0", "a1"), finalist("near", 0.499, "near0", "near1")]
    for trial in ranked:
        trial.draws = [trial.objective or 0.0] * 2
    compare(ranked, LARGER, values)  # type: ignore[arg-type]
    prefer_cheap(ranked, LARGER, values, lambda trial: 0.3 if trial.model == "a" else 0.01)  # type: ignore[arg-type]
    assert ranked[0].model == "a"
