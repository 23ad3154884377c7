"""Which model gets the next trial."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.search.conftest import candidate, ended
from workbench.search.allocation import FAILURES_ALLOWED, Candidate, choose, cost_for_improvement


def always(_: Candidate) -> bool:
    return True


def with_trials(name: str, objectives: list[float | None], seconds: float = 1.0) -> Candidate:
    found = candidate(name, seconds)
    found.trials = [ended(name, value, number, seconds) for number, value in enumerate(objectives)]
    found.started = len(objectives)
    return found


def test_the_baseline_is_first_then_the_cheapest() -> None:
    models = [candidate("baseline", 9), candidate("slow", 5), candidate("quick", 1)]
    rng = np.random.default_rng(0)
    order = []
    for _ in models:
        chosen = choose(models, True, rng, always)
        assert chosen is not None
        chosen.started += 1
        order.append(chosen.name)
    assert order == ["baseline", "quick", "slow"]


def test_what_does_not_fit_or_is_exhausted_is_passed_over() -> None:
    models = [with_trials("baseline", [0.1]), with_trials("a", [0.5]), with_trials("b", [0.4])]
    models[1].study.exhausted = True
    rng = np.random.default_rng(0)
    drawn = [choose(models, True, rng, lambda each: each.name != "baseline") for _ in range(20)]
    assert all(each is models[2] for each in drawn)
    assert choose(models, True, rng, lambda each: False) is None


def test_a_model_that_only_fails_is_given_up() -> None:
    hopeless = with_trials("bad", [None] * FAILURES_ALLOWED)
    assert hopeless.hopeless
    assert choose([with_trials("baseline", [0.1]), hopeless], True, np.random.default_rng(0), always) is not hopeless
    assert not with_trials("late", [None] * FAILURES_ALLOWED + [0.3]).hopeless


def test_a_model_far_behind_that_does_not_improve_gets_less_but_is_not_starved() -> None:
    leader = with_trials("leader", [0.40, 0.42, 0.43])
    behind = with_trials("behind", [0.20, 0.201, 0.2])
    rng = np.random.default_rng(0)
    drawn = Counter(getattr(choose([leader, behind], True, rng, always), "name", None) for _ in range(500))
    assert drawn["leader"] > 5 * drawn["behind"] > 0


def test_the_cheaper_of_two_equals_costs_less_to_improve() -> None:
    quick, slow = with_trials("quick", [0.40, 0.43], 0.5), with_trials("slow", [0.40, 0.43], 5.0)
    assert cost_for_improvement(quick, 0.43, clocks=True) < cost_for_improvement(slow, 0.43, clocks=True)


def test_without_clocks_measured_times_do_not_count() -> None:
    quick, slow = with_trials("a", [0.40, 0.43], 0.5), with_trials("a", [0.40, 0.43], 5.0)
    quick.estimated_seconds = slow.estimated_seconds = 2.0
    assert cost_for_improvement(quick, 0.5, clocks=False) == cost_for_improvement(slow, 0.5, clocks=False)
    assert quick.seconds(clocks=False) == 2.0


def test_trials_that_took_no_time_do_not_break_the_draw() -> None:
    models = [with_trials("a", [None], 0.0), with_trials("b", [0.1], 0.0)]
    assert choose(models, True, np.random.default_rng(0), always) in models


def test_who_is_able_does_not_change_the_draw_among_the_others() -> None:
    """So that a resumed run, which does not know yet which model is exhausted, draws as the unbroken one."""
    models = [with_trials(name, [0.4, 0.41]) for name in ("a", "b", "c")]
    for seed in range(50):
        first = choose(models, False, np.random.default_rng(seed), always)
        assert first is not None
        second = choose(models, False, np.random.default_rng(seed), lambda each, first=first: each is not first)
        third = [each for each in models if each not in (first, second)]
        assert choose(models, False, np.random.default_rng(seed), lambda each, third=third: each not in third) is first


def test_a_draw_is_in_proportion_to_the_inverse_of_the_cost() -> None:
    models = [with_trials("cheap", [0.4, 0.4], seconds=1.0), with_trials("dear", [0.4, 0.4], seconds=3.0)]
    rng = np.random.default_rng(0)
    drawn = Counter(getattr(choose(models, True, rng, always), "name", None) for _ in range(4000))
    assert drawn["cheap"] / drawn["dear"] == pytest.approx(3, rel=0.1)
