"""Fits at the end of a run: all are handed out, all are answered."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.search.conftest import METRIC, FakePool, ended, scored
from workbench.execution.work import Fit, Result, Weigh, Weighed
from workbench.search.budget import Budget
from workbench.search.fits import Fits

LOADS = {"a": "nowhere:a"}


def fits(
    pool: FakePool, folder: Path, budget: Budget | None = None, interrupted: Callable[[], bool] = lambda: False
) -> Fits:
    budget = budget or Budget(math.inf, time.monotonic())
    return Fits(pool, folder, LOADS, (METRIC, "recall@10"), budget, interrupted)  # type: ignore[arg-type]


def answer(question: Fit) -> Result:
    return scored(question, 0.5)


def test_a_question_is_the_trial_s_and_has_the_time_that_is_left(tmp_path: Path) -> None:
    trial = ended("a", 0.5)
    trial.params, trial.seed = {"x": 1}, 7
    unbounded = fits(FakePool(answer), tmp_path).question(trial, "train", "valid", "again", answers=True)
    assert unbounded == Fit(
        f"{trial.number}-again",
        "nowhere:a",
        {"x": 1},
        7,
        "train",
        "valid",
        (METRIC, "recall@10"),
        False,
        answers=True,
        reports="ignored",
    )
    bounded = fits(FakePool(answer), tmp_path, Budget(60.0, time.monotonic())).question(trial, "train", "valid", "x")
    assert bounded.seconds is not None and 0 < bounded.seconds < 60
    spent = fits(FakePool(answer), tmp_path, Budget(60.0, time.monotonic() - 60)).question(trial, "train", "valid", "x")
    assert spent.seconds == 0


@pytest.mark.parametrize("size", [1, 2, 5])
def test_every_question_is_answered_and_no_more_wait_than_there_are_workers(tmp_path: Path, size: int) -> None:
    pool = FakePool(answer, size=size)
    all_of_them = fits(pool, tmp_path)
    questions = [all_of_them.question(ended("a", 0.5, number), "train", "valid", "x") for number in range(4)]
    results = all_of_them.run(questions, 123.0)
    assert set(results) == {question.id for question in questions}
    assert pool.asked == questions
    assert pool.deadlines == [123.0] * 4


def test_after_an_interrupt_the_rest_is_left(tmp_path: Path) -> None:
    now: list[str] = []

    def first_only(question: Fit) -> Result:
        now.append(question.id)
        return scored(question, 0.5)

    pool = FakePool(first_only)
    stopped = fits(pool, tmp_path, interrupted=lambda: bool(now))
    questions = [stopped.question(ended("a", 0.5, number), "train", "valid", "x") for number in range(3)]
    results = stopped.run(questions, None)
    assert list(results) == [questions[0].id]
    weigh = Weigh("w", ("valid",), (("x",),), (METRIC,), True)
    assert stopped.weigh(weigh, None) is None
    assert pool.asked == questions[:1]


def test_weights_are_asked_for_with_a_deadline(tmp_path: Path) -> None:
    pool = FakePool(answer, weigh=lambda question: Weighed(question.id, weights=(1, 2)))
    weigh = Weigh("w", ("valid",), (("x", "y"),), (METRIC,), True)
    found = fits(pool, tmp_path).weigh(weigh, 5.0)
    assert found is not None and found.weights == (1, 2)
    assert (pool.asked, pool.deadlines) == ([weigh], [5.0])


@pytest.mark.parametrize(
    ("costs", "size", "expected"), [([], 2, 0.0), ([4.0], 2, 4.0), ([1.0, 1.0, 1.0, 1.0], 2, 2.0), ([6.0, 1.0], 2, 6.0)]
)
def test_a_round_takes_as_long_as_the_longest_or_all_over_the_workers(
    tmp_path: Path, costs: list[float], size: int, expected: float
) -> None:
    made = fits(FakePool(answer, size=size), tmp_path)
    assert made.spread(costs) == expected
    assert made.round_seconds([ended("a", 0.5, seconds=cost) for cost in costs]) == expected


def test_values_are_what_workers_left(tmp_path: Path) -> None:
    (tmp_path / "values").mkdir()
    made = fits(FakePool(answer), tmp_path)
    assert made.values("x") is None
    np.save(tmp_path / "values/x.npy", np.array([0.5, 1.0], np.float32))
    np.save(tmp_path / "values/x.ids.npy", np.array([3, 4]))
    found: Any = made.values("x")
    assert [array.tolist() for array in found] == [[0.5, 1.0], [3, 4], [0, 0]]
    np.save(tmp_path / "values/x.folds.npy", np.array([0, 1]))
    in_folds: Any = made.values("x")
    assert in_folds[2].tolist() == [0, 1]
