"""Intervals hold what they promise, and a difference is clear when it is more than the luck of examples and draws."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from workbench.metrics.significance import Mean, clear, mean_over_draws

rows = st.lists(st.tuples(st.integers(0, 5), st.integers(-8, 8)), min_size=1, max_size=40)


def drawn(overlap: str, n_draws: int, n: int, luck: float, rng: np.random.Generator) -> Mean:
    """Of values with mean 0 and variance 1, half of which examples bring along; luck in standard errors of a draw."""
    examples = {
        "same": [np.arange(n)] * n_draws,
        "fifth": [rng.choice(5 * n, n, replace=False) for _ in range(n_draws)],
        "apart": [np.arange(n) + draw * n for draw in range(n_draws)],
    }[overlap]
    own = rng.normal(0, 0.5**0.5, 5 * n)
    noise = rng.normal(0, 0.5**0.5, (n_draws, n)) + luck / n**0.5 * rng.normal(size=(n_draws, 1))
    values = own[np.stack(examples)] + noise
    return mean_over_draws(values.ravel(), np.concatenate(examples), np.repeat(np.arange(n_draws), n))


@given(rows)
def test_of_one_draw_it_is_the_mean_with_its_examples_as_the_sample(given: list[tuple[int, int]]) -> None:
    examples, values = (np.array(column) for column in zip(*given, strict=True))
    mean = mean_over_draws(values / 8, examples, np.zeros(len(values), np.int64))
    assert mean.value == pytest.approx(statistics.fmean(values / 8))
    sums = [float((values[examples == each] / 8 - mean.value).sum()) / len(values) for each in np.unique(examples)]
    if len(sums) < 2:
        assert (mean.error, mean.half_width()) == (math.inf, math.inf)
        assert not mean.is_clear(0.5)
    else:
        error = math.sqrt(math.fsum(part**2 for part in sums) * len(sums) / (len(sums) - 1))
        assert mean.error == pytest.approx(error, abs=1e-12)
        assert mean.half_width(0.01) == pytest.approx(error * student.ppf(0.995, len(sums) - 1), abs=1e-9)


@given(st.lists(st.integers(-8, 8), min_size=4, max_size=20).filter(lambda values: len(values) % 2 == 0))
def test_draws_without_common_examples_are_as_many_numbers(values: list[int]) -> None:
    """Student's interval of the draws' means, but never narrower than that of examples alone."""
    n = len(values) // 2
    found = mean_over_draws(np.array(values, float), np.arange(2 * n), np.repeat([0, 1], n))
    means = [statistics.fmean(values[:n]), statistics.fmean(values[n:])]
    assert found.value == pytest.approx(statistics.fmean(means))
    assert found.of_examples == 0
    assert found.of_draws == pytest.approx(statistics.variance(means) / 2)
    half = student.ppf(0.975, 1) * statistics.stdev(means) / 2**0.5
    assert found.half_width() >= half - 1e-9
    within = [value - mean for mean, part in zip(means, (values[:n], values[n:]), strict=True) for value in part]
    without_luck = math.fsum(value**2 for value in within) / (4 * n**2) * 2 * n / (2 * n - 1)
    assert found.without_luck == pytest.approx(without_luck, abs=1e-12)


def test_equal_answers_in_every_draw_are_no_more_draws() -> None:
    """The same values of the same examples: nothing was learned by the second draw."""
    values = np.random.default_rng(0).normal(size=100)
    once = mean_over_draws(values, np.arange(100), np.zeros(100, np.int64))
    twice = mean_over_draws(np.tile(values, 2), np.tile(np.arange(100), 2), np.repeat([0, 1], 100))
    assert twice.value == pytest.approx(once.value)
    assert twice.error == pytest.approx(once.error)
    assert twice.half_width() == pytest.approx(once.half_width())


@given(rows, st.integers(1, 3))
def test_the_sign_of_the_values_changes_nothing_else(given: list[tuple[int, int]], n_draws: int) -> None:
    examples, values = (np.array(column) for column in zip(*given, strict=True))
    draws = np.arange(len(values)) % n_draws
    one, other = (mean_over_draws(sign * values / 8, examples, draws) for sign in (1, -1))
    assert one.value == -other.value
    assert one.half_width() == other.half_width()


def test_a_constant_difference_is_certain_and_none_is_nothing() -> None:
    for draws in (np.zeros(4, np.int64), np.array([0, 1, 0, 1])):
        assert mean_over_draws(np.ones(4), np.arange(4), draws).is_clear(1e-6)
        assert not mean_over_draws(np.zeros(4), np.arange(4), draws).is_clear(0.99)
        assert not mean_over_draws(np.ones(4), np.zeros(4, np.int64), draws).is_clear(0.99)


def test_draws_that_agree_by_chance_prove_nothing() -> None:
    """Accuracies are counted in whole examples: two draws with the same lead are no certainty."""
    differences = np.zeros(200)
    differences[[0, 1, 100, 101]] = 1.0
    mean = mean_over_draws(differences, np.arange(200), np.repeat([0, 1], 100))
    assert mean.of_draws == 0
    assert mean.half_width() == pytest.approx(1.97 * 0.02**0.5 / 200**0.5, rel=0.02)
    assert not mean.is_clear(0.01)


@pytest.mark.parametrize("overlap", ["same", "fifth", "apart"])
@pytest.mark.parametrize("n_draws", [2, 3, 5])
@pytest.mark.parametrize("luck", [0.0, 1.0, 3.0])
def test_intervals_cover_and_equal_models_are_seldom_called_different(overlap: str, n_draws: int, luck: float) -> None:
    rng, n = np.random.default_rng([n_draws, int(luck), len(overlap)]), 400
    means = [drawn(overlap, n_draws, 60, luck, rng) for _ in range(n)]
    missed = sum(abs(mean.value) > mean.half_width() for mean in means)
    assert missed <= 0.05 * n + 3 * (0.05 * 0.95 * n) ** 0.5
    assert sum(mean.is_clear(0.01) for mean in means) <= 0.01 * n + 3 * (0.01 * 0.99 * n) ** 0.5
    if n_draws == 5:  # and five draws are enough not to be much too careful
        assert missed >= 0.005 * n
        width = statistics.fmean(mean.half_width() for mean in means)
        true = statistics.pstdev(mean.value for mean in means)
        assert width < 1.7 * 1.96 * true


def test_a_lead_is_found_on_five_draws() -> None:
    rng = np.random.default_rng(0)
    examples, draws = np.tile(np.arange(400), 5), np.repeat(np.arange(5), 400)
    noise = rng.normal(0.02, 0.1, 2000) + rng.normal(0, 0.002, 5)[draws]
    assert mean_over_draws(noise, examples, draws).is_clear(0.01)


def lead(errors: float) -> Mean:
    """So many standard errors, of very many examples."""
    return Mean(errors, 0.0, 0.0, 1.0, 1, 10**9)


def test_more_comparisons_ask_for_more() -> None:
    assert clear([]) == []
    assert clear([lead(2.58)]) == [True]
    assert clear([lead(2.57)]) == [False]
    assert clear([lead(-2.58)]) == [True]
    assert clear([lead(2.80), lead(0)]) == [False, False]  # the two-sided 1 % point of two comparisons is 2.8070
    assert clear([lead(0), lead(2.81)]) == [False, True]
    assert clear([lead(math.inf)] * 3) == [True] * 3


def test_what_is_clear_is_not_counted_against_the_rest() -> None:
    assert clear([lead(2.6), lead(2.9), lead(9.0), lead(2.82)]) == [False, False, True, False]
    assert clear([lead(2.6), lead(2.95), lead(9.0), lead(2.82)]) == [True, True, True, True]
    assert clear([lead(2.5), lead(2.95), lead(9.0), lead(2.82)]) == [False, True, True, True]


@given(st.lists(st.floats(-6, 6), max_size=8))
def test_it_is_holms_correction(errors: list[float]) -> None:
    p = [2 * student.sf(abs(error), 10**9 - 1) for error in errors]
    order = sorted(range(len(p)), key=lambda at: p[at])
    expected = [False] * len(p)
    for place, at in enumerate(order):
        if not p[at] < 0.01 / (len(p) - place):
            break
        expected[at] = True
    assert clear([lead(error) for error in errors]) == expected
