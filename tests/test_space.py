"""Distributions: what they hold, when they count, and how they travel as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ModelError
from workbench.space import Choice, Conditional, Distribution, Float, Int, When, active, from_json, to_json

finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), finite, st.text(max_size=5))
choices = st.lists(scalars, min_size=1, max_size=4).map(lambda options: Choice(*options))
ints = st.builds(
    lambda low, width, log, step: Int(low, low + width, log, 1 if log else step),
    st.integers(1, 10**6),
    st.integers(0, 10**6),
    st.booleans(),
    st.integers(1, 100),
)
floats = st.tuples(finite, finite).map(lambda ends: Float(min(ends), max(ends)))
bare = st.one_of(choices, ints, floats)
distributions = st.recursive(
    bare, lambda inner: st.builds(Conditional, st.text(max_size=3), st.lists(scalars, max_size=3).map(tuple), inner)
)


@given(st.dictionaries(st.text(max_size=8), distributions, max_size=5))
def test_a_space_survives_json(space: dict[str, Distribution]) -> None:
    text = json.dumps(to_json(space), allow_nan=False)
    found = from_json(json.loads(text))
    assert found == space
    assert list(found) == list(space)
    assert repr(found) == repr(space)  # 1, 1.0 and True are equal, but not the same option


@given(ints)
def test_whole_numbers_hold_their_ends_and_steps(distribution: Int) -> None:
    assert distribution.contains(distribution.low)
    assert distribution.contains(distribution.low + distribution.step) == (
        distribution.low + distribution.step <= distribution.high
    )
    assert not distribution.contains(distribution.low - 1)
    assert not distribution.contains(distribution.high + 1)
    assert not distribution.contains(float(distribution.low))


@given(floats)
def test_real_numbers_hold_both_ends(distribution: Float) -> None:
    assert distribution.contains(distribution.low)
    assert distribution.contains(distribution.high)
    assert not distribution.contains(math.nextafter(distribution.high, math.inf))
    assert not distribution.contains(math.nextafter(distribution.low, -math.inf))


def test_steps_leave_gaps() -> None:
    assert [value for value in range(12) if Int(1, 10, step=3).contains(value)] == [1, 4, 7, 10]


def test_truth_values_are_no_numbers_and_numbers_no_truth_values() -> None:
    assert not Int(0, 1).contains(True)
    assert not Float(0, 1).contains(True)
    assert not Choice(1, 0).contains(True)
    assert not Choice(True).contains(1)
    assert not Choice(1).contains(1.0)
    assert Choice(None, "a").contains(None)
    assert not Float(0, 1).contains("0.5")
    assert not Float(0, 1).contains(math.nan)


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        (Int, (5, 4), "low must not exceed high"),
        (Float, (2.0, 1.0), "low must not exceed high"),
        (Int, (0, 4, True), "low must be above 0"),
        (Float, (-1, 4, True), "low must be above 0"),
        (Float, (1, math.inf), "both ends must be finite"),
        (Float, (math.nan, 1), "both ends must be finite"),
        (Int, (1, 4, False, 0), "step must be at least 1"),
        (Int, (1, 4, True, 2), "1 with log=True"),
        (Choice, (), "give one or more"),
        (Choice, ("a", (1, 2)), "give one or more"),
        (Choice, (math.nan,), "finite numbers"),
    ],
)
def test_a_distribution_that_cannot_be_drawn_from_is_refused(kind: Any, arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        kind(*arguments)


SPACE = {
    "kind": Choice("a", "b", "c"),
    "size": Int(1, 9),
    **When("kind", "a", {"only_a": Float(0, 1)}),
    **When("kind", ("a", "b"), {"inner": Choice(True, False), **When("inner", True, {"deep": Int(0, 1)})}),
}


@pytest.mark.parametrize(
    ("params", "counts"),
    [
        ({"kind": "a", "inner": True}, {"kind", "size", "only_a", "inner", "deep"}),
        ({"kind": "b", "inner": False}, {"kind", "size", "inner"}),
        ({"kind": "b", "inner": True}, {"kind", "size", "inner", "deep"}),
        ({"kind": "c", "inner": True}, {"kind", "size"}),
        ({}, {"kind", "size"}),
    ],
)
def test_conditions_say_which_fields_count(params: dict[str, Any], counts: set[str]) -> None:
    found = active(SPACE, params)
    assert set(found) == counts
    assert not any(isinstance(distribution, Conditional) for distribution in found.values())


def test_a_space_reads_as_it_is_written() -> None:
    assert repr(Choice("a", 1, None)) == "Choice('a', 1, None)"
    assert to_json({"size": Int(1, 9, log=True), **When("kind", "a", {"x": Choice(1)})}) == {
        "size": {"kind": "int", "low": 1, "high": 9, "log": True, "step": 1},
        "x": {"kind": "when", "field": "kind", "values": ["a"], "then": {"kind": "choice", "options": [1]}},
    }


def test_what_is_no_distribution_is_refused() -> None:
    wrong: Any = {"l2": (1, 10)}
    with pytest.raises(ModelError, match=r"\(1, 10\) is no distribution; use Int, Float, Choice or When"):
        to_json(wrong)
    with pytest.raises(ModelError, match="no distribution of kind 'no such'"):
        from_json({"x": {"kind": "no such"}})
