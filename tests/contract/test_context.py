"""A context serves outside a run, and passes on what a run asks of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from workbench.contract.context import Context
from workbench.errors import Pruned


def test_it_serves_outside_a_run() -> None:
    context = Context()
    context.report(1, 0.5)
    assert context.seconds_left == float("inf")
    assert context.shared("key", lambda: {"a": np.arange(3)})["a"].tolist() == [0, 1, 2]


def test_the_generator_follows_from_the_seed_and_is_kept() -> None:
    context = Context(seed=7)
    drawn = [context.rng.random(), context.rng.random()]
    expected = np.random.default_rng(7).random(2).tolist()
    assert drawn == expected
    assert Context(seed=8).rng.random() != expected[0]


def test_reports_are_passed_on_while_there_is_a_part_to_score() -> None:
    seen: list[tuple[int, float | None]] = []

    def on_report(step: int, value: float | None) -> float | None:
        seen.append((step, value))
        if step == 3:
            raise Pruned
        return value

    context = Context(valid="valid", on_report=on_report)
    context.report(1)
    context.report(2, 0.25)
    with pytest.raises(Pruned):
        context.report(3, 0.5)
    assert seen == [(1, None), (2, 0.25), (3, 0.5)]
    Context(valid=None, on_report=on_report).report(3)
    assert len(seen) == 3


def test_shared_arrays_come_from_the_run() -> None:
    def on_shared(key: str, compute: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        return {key: sum(compute().values())}

    assert Context(on_shared=on_shared).shared("total", lambda: {"a": 1, "b": 2}) == {"total": 3}


def test_rows_are_computed_by_their_positions() -> None:
    names = np.array([7, 3, 7], np.uint64)
    assert Context().shared_rows("key", names, lambda rows: np.array(rows) * 2).tolist() == [0, 2, 4]
    context = Context(on_shared_rows=lambda key, names, compute: names + 1)
    assert context.shared_rows("key", names, max).tolist() == [8, 4, 8]


def test_seconds_left_counts_down_to_zero() -> None:
    assert 99 < Context(deadline=time.monotonic() + 100).seconds_left <= 100
    assert Context(deadline=time.monotonic() - 5).seconds_left == 0.0


def test_the_device_asked_for_is_the_device() -> None:
    assert Context(device_setting="cpu").device == "cpu"
    assert Context(device_setting="cuda:1", on_device=lambda setting: f"the {setting}").device == "the cuda:1"
