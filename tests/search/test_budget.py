"""The time of a run."""

from __future__ import annotations

import math
import time

import pytest

from workbench.search.budget import Budget


def test_the_grace_lies_inside_the_budget() -> None:
    start = time.monotonic()
    assert Budget(20, start).grace == 0.4
    assert Budget(1000, start).grace == 5.0
    assert Budget(20, start).deadline() == pytest.approx(start + 19.6)
    assert Budget(20, start).deadline(reserve=4) == pytest.approx(start + 15.6)


def test_what_is_left_counts_from_the_start_and_never_goes_below_nothing() -> None:
    assert Budget(20, time.monotonic() - 10).left == pytest.approx(9.6, abs=0.5)
    assert Budget(20, time.monotonic() - 100).left == 0


def test_without_a_bound_there_is_no_deadline() -> None:
    budget = Budget(math.inf, time.monotonic())
    assert not budget.bounded
    assert budget.deadline() is None
    assert budget.left == math.inf


def test_a_reserve_leaves_the_search_most_of_the_time() -> None:
    assert Budget(100, 0).capped(500) == pytest.approx(40)
    assert Budget(100, 0).capped(5) == 5
