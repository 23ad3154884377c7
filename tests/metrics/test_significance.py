"""A difference is clear when it is large against its own noise, and not because it was looked at often."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from workbench.metrics.significance import clearly_different, paired_z

rows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=40)


def columns(drawn: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All of one draw."""
    example, first, second = (np.array(column) for column in zip(*drawn, strict=True))
    one = np.zeros(len(example), np.int64)
    return first.astype(np.float32) / 8, second.astype(np.float32) / 8, example.astype(np.int64), one


@given(rows)
def test_z_is_the_mean_of_the_examples_over_its_error(drawn: list[tuple[int, int, int]]) -> None:
    by_example: dict[int, list[float]] = {}
    for example, first, second in drawn:
        by_example.setdefault(example, []).append((first - second) / 8)
    means = [statistics.fmean(values) for values in by_example.values()]
    z = paired_z(*columns(drawn))
    if len(means) < 2:
        assert z == 0
    elif len(set(means)) > 1:
        t = statistics.fmean(means) / (statistics.stdev(means) / len(means) ** 0.5)
        assert z == pytest.approx(
            norm.isf(student.sf(abs(t), len(means) - 1)) * (1 if t > 0 else -1), rel=1e-6, abs=1e-9
        )


@given(rows)
def test_z_changes_its_sign_with_the_order(drawn: list[tuple[int, int, int]]) -> None:
    first, second, examples, draws = columns(drawn)
    assert paired_z(first, second, examples, draws) == -paired_z(second, first, examples, draws)


def test_a_constant_difference_is_certain_and_none_is_nothing() -> None:
    ones, zeros, examples = np.ones(4, np.float32), np.zeros(4, np.float32), np.arange(4)
    for draws in (np.zeros(4, np.int64), np.array([0, 1, 0, 1])):
        assert paired_z(ones, zeros, examples, draws) == math.inf
        assert paired_z(zeros, ones, examples, draws) == -math.inf
        assert paired_z(ones, ones, examples, draws) == 0
        assert paired_z(ones, zeros, np.zeros(4, np.int64), draws) == 0


def test_an_example_met_in_several_draws_counts_once() -> None:
    first = np.array([1, 0, 0.5, 0.25], np.float32)
    many = np.concatenate([first[:1]] * 50 + [first[1:]])
    examples = np.concatenate([np.zeros(50, np.int64), np.arange(1, 4)])
    assert paired_z(many, np.zeros_like(many), examples, np.zeros(53, np.int64)) == pytest.approx(
        paired_z(first, np.zeros_like(first), np.arange(4), np.zeros(4, np.int64))
    )


def test_luck_that_a_draw_gives_to_all_its_examples_is_no_lead() -> None:
    """Equal models whose fits have luck: by the examples alone nearly all of these would be called different."""
    rng, wrong = np.random.default_rng(0), 0
    examples, draws = np.tile(np.arange(400), 5), np.repeat(np.arange(5), 400)
    for _ in range(200):
        noise = rng.normal(0, 0.05, 2000) + rng.normal(0, 0.02, 5)[draws]
        values = noise.astype(np.float32), np.zeros(2000, np.float32)
        wrong += clearly_different(paired_z(*values, examples, draws), 1)
    assert wrong < 7  # of 200, of which 1 % are 2

    noise = rng.normal(0.01, 0.1, 2000).astype(np.float32)
    assert clearly_different(paired_z(noise, np.zeros(2000, np.float32), examples, draws), 7)


def test_more_comparisons_ask_for_more() -> None:
    assert clearly_different(2.58, 1)
    assert not clearly_different(2.57, 1)
    assert clearly_different(-2.58, 0)
    assert not clearly_different(2.58, 2)
    assert clearly_different(2.81, 2)  # the two-sided 1 % point of two comparisons is 2.8070
    assert not clearly_different(2.80, 2)
    assert clearly_different(math.inf, 1000)
