"""The largest of every row, ties by position."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from workbench.blocks import top_k as block
from workbench.blocks.top_k import top_k

few_values = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 0.25, 1.0, 1e30])
scores_of = npst.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 40)), elements=few_values)


def naive(scores: list[float], k: int) -> list[int]:
    """The k largest, equal ones by position, without -inf."""
    there = [position for position, score in enumerate(scores) if score > -np.inf]
    best = sorted(there, key=lambda position: (-scores[position], position))[:k]
    return best + [-1] * (k - len(best))


def check(scores: Any, k: int, items: Any, values: Any) -> None:
    assert items.tolist() == [naive(row, k) for row in scores.tolist()]
    for row, chosen, found in zip(scores, items, values, strict=True):
        assert found.tolist() == [row[item] if item >= 0 else -np.inf for item in chosen]


@given(scores_of, st.integers(1, 45))
def test_top_k_is_a_sort_with_ties_by_position(scores: Any, k: int) -> None:
    before = scores.copy()
    items, values = top_k(scores, k)
    assert (items.dtype, values.dtype) == (np.int32, np.float32)
    assert items.shape == values.shape == (len(scores), k)
    check(scores, k, items, values)
    assert np.array_equal(scores, before)


@pytest.mark.parametrize("crowd", [1, block.CROWD])
@given(scores_of, st.integers(1, 4))
def test_top_k_by_groups_and_among_many_equals(crowd: int, scores: Any, k: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block, "GROUPS", 1)
        patch.setattr(block, "CROWD", crowd)
        check(scores, k, *top_k(scores, k))


@pytest.mark.parametrize("k", [1, 10, 200, 1500])
@pytest.mark.parametrize("different", [1, 3, 50, 10**9])
def test_top_k_of_long_rows(different: int, k: int) -> None:
    """From all equal to all different, ordered by size or not, with and without places that are dropped."""
    rng = np.random.default_rng(different)
    scores = rng.integers(0, different, size=(12, 1300)).astype(np.float32)
    scores[4:8].sort(axis=1)
    scores[::2][rng.random((6, 1300)) < 0.5] = -np.inf
    scores[0] = -np.inf
    scores[2, 7:] = -np.inf
    check(scores, k, *top_k(scores, k))


def test_top_k_of_nothing() -> None:
    assert top_k(np.zeros((0, 5), np.float32), 2)[0].shape == (0, 2)
    assert top_k(np.zeros((2, 0), np.float32), 2)[0].tolist() == [[-1, -1], [-1, -1]]
