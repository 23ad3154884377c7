"""Which model gets the next trial."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.search.conftest import candidate, ended
from workbench.search.allocation import FAILURES_ALLOWED, Candidate, choose, cost_for_improvement, explain


def always(_: Candidate) -> bool:
    return True


def with_trials(name: str, objectives: list[float | None], seconds: float = 1.0) -> Candidate:
    found = candidate(name, seconds)
    found.trials = [ended(name, value, number, seconds) for number, value in enumerate(objectives)]
    found.started = len(objectives)
    return found


@pytest.mark.parametrize("clocks", [True, False])
def test_the_baseline_is_first_then_the_cheapest(clocks: bool) -> None:
    models = [candidate("baseline", 9), candidate("slow", 1.5), candidate("quick", 1)]
    rng = np.random.default_rng(0)
    order = []
    for _ in models:
        chosen = choose(models, clocks, rng, always)
        assert chosen is not None
        chosen.started += 1
        order.append(chosen.name)
    assert order == ["baseline", "quick", "slow"]


def test_a_slow_models_first_trial_waits_until_the_others_have_taken_as_long() -> None:
    slow = candidate("slow", 9)
    rng = np.random.default_rng(0)

    def chosen(spent: float, clocks: bool = True) -> Candidate | None:
        return choose(
            [with_trials("baseline", [0.1], 0.0), with_trials("quick", [0.5], spent), slow], clocks, rng, always
        )

    assert chosen(8.9) is not slow
    assert chosen(9.1) is slow
    assert chosen(8.9, clocks=False) is slow, "where clocks may not decide, every model has its turn"
    alone = with_trials("baseline", [0.1], 0.0)
    alone.study.exhausted = True
    assert choose([alone, slow], True, rng, always) is slow, "there is nothing else to do"


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


def test_what_each_model_got_is_explained() -> None:
    leader, behind = with_trials("leader", [0.40, 0.43], 2.0), with_trials("behind", [0.20, 0.21], 1.0)
    spent, bad = with_trials("spent", [0.3]), with_trials("bad", [None] * FAILURES_ALLOWED)
    spent.study.exhausted = True
    plain = Candidate("plain", "nowhere:plain", 1.0, candidate("plain", space={}).study, [ended("plain", 0.1)], 1)
    plain.study.exhausted = True
    slow, late, never, early = (with_trials(name, [0.4], 5.0) for name in ("slow", "late", "never", "early"))
    slow.dropped_at, late.dropped_at = 40.0, 95.0
    never.started, never.trials, never.dropped_at = 0, [], 3.0
    early.started, early.trials = 0, []
    shares = explain([leader, behind, spent, bad, plain, slow, late, never, early], True, began=0.0, ended=100.0)
    assert {share.model: share.allocation for share in shares} == {
        "leader": "leads; 2.0 s to an improvement expected",
        "behind": "88 s to an improvement expected",
        "spent": "has tried all there is",
        "bad": "stopped after 3 trials without a score",
        "plain": "has nothing to search",
        "slow": "from 40 s on, no time for one more trial of 5.0 s",
        "late": "35 s to an improvement expected",
        "never": "no time for a trial of 5.0 s",
        "early": "the search ended before its turn",
    }
    assert (shares[0].trials, shares[0].seconds, shares[0].best) == (2, 4.0, 0.43)
    assert (shares[-1].trials, shares[-1].seconds, shares[-1].best) == (0, 0.0, None)


def test_without_clocks_it_is_explained_in_trials() -> None:
    shares = explain([with_trials("a", [0.40, 0.43]), with_trials("b", [0.42])], False, 0.0, 1.0)
    assert [share.allocation for share in shares] == [
        "leads; 1 trial to an improvement expected", "2 trials to an improvement expected",
    ]  # fmt: skip
