"""Training in epochs: the best state is kept, and a refit trains exactly as long."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from workbench.contract.context import Context
from workbench.errors import ModelError, Pruned


class Student:
    """After each epoch its score is that of the list at this place."""

    def __init__(self, scores: list[float]) -> None:
        self.scores = scores
        self.untouched = "as it was"

    def fit(self, context: Context, n: int | None = None) -> list[int]:
        seen = []
        for epoch in context.epochs(len(self.scores) if n is None else n):
            self.weights_ = getattr(self, "weights_", np.zeros(2))
            self.weights_ += 1  # in place, as an optimiser does
            seen.append(epoch)
        return seen


def context(student: Student, **changes: Any) -> tuple[Context, list[tuple[int, float]]]:
    reports: list[tuple[int, float]] = []

    def on_report(step: int, value: float | None) -> float:
        value = student.scores[int(student.weights_[0]) - 1] if value is None else value
        reports.append((step, value))
        return value

    return Context(**{"valid": "valid", "model": student, "on_report": on_report, **changes}), reports


def test_every_epoch_is_scored_and_the_best_state_is_left() -> None:
    student = Student([0.1, 0.5, 0.3, 0.5])
    given, reports = context(student)
    assert student.fit(given) == [0, 1, 2, 3]
    assert reports == [(1, 0.1), (2, 0.5), (3, 0.3), (4, 0.5)]
    assert student.weights_.tolist() == [2, 2], "the first of equals"
    assert given.best_epochs == 2


def test_less_may_be_better() -> None:
    student = Student([0.3, 0.1, 0.5])
    given, _ = context(student, larger_is_better=False)
    student.fit(given)
    assert (student.weights_.tolist(), given.best_epochs) == ([2, 2], 2)


def test_what_the_model_reports_itself_is_not_scored_again() -> None:
    student = Student([0.0] * 3)
    given, reports = context(student)
    for epoch in given.epochs(3):
        student.weights_ = np.full(2, epoch)
        given.report(epoch, [0.2, 0.4, 0.3][epoch])
    assert reports == [(0, 0.2), (1, 0.4), (2, 0.3)]
    assert (student.weights_.tolist(), given.best_epochs) == ([1, 1], 2)


def test_a_refit_gets_exactly_as_many_epochs_and_scores_nothing() -> None:
    student = Student([0.1] * 9)
    given, reports = context(student, valid=None, fixed_epochs=4, deadline=time.monotonic() - 1)
    assert student.fit(given) == [0, 1, 2, 3]
    assert (reports, student.weights_.tolist()) == ([], [4, 4])


def test_it_stops_at_the_deadline_but_not_before_the_first_epoch() -> None:
    student = Student([0.1, 0.2])
    given, _ = context(student, deadline=time.monotonic() - 1)
    assert student.fit(given) == [0]
    assert given.best_epochs == 1


def test_time_is_left_for_the_scoring(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    student = Student([0.1] * 100)
    given, _ = context(student, deadline=10.0)
    scored = given.on_report

    def slowly(step: int, value: float | None) -> float | None:
        clock.now += 0.5
        return scored(step, value)

    given.on_report = slowly
    for _ in given.epochs(100):
        student.weights_ = np.ones(2)
        clock.now += 0.5
    assert 7.5 <= clock.now <= 9.5


def test_pruning_passes_through_and_leaves_the_best_state() -> None:
    student = Student([0.5, 0.4, 0.3])
    given, _ = context(student)
    scored = given.on_report

    def prune(step: int, value: float | None) -> float | None:
        if step == 3:
            raise Pruned("at step 3")
        return scored(step, value)

    given.on_report = prune
    with pytest.raises(Pruned, match="at step 3"):
        student.fit(given)
    assert student.weights_.tolist() == [1, 1]


def test_an_epoch_that_is_left_by_break_does_not_count() -> None:
    student = Student([0.1, 0.2, 0.9])
    given, _ = context(student)
    for epoch in given.epochs(3):
        student.weights_ = np.full(2, epoch + 1)
        if epoch == 2:
            break
    assert (student.weights_.tolist(), given.best_epochs) == ([2, 2], 2)


def test_a_model_that_sets_nothing_in_the_loop_is_told() -> None:
    student = Student([0.1])
    given, _ = context(student)
    with pytest.raises(ModelError, match="Student has learned nothing"):
        for _ in given.epochs(2):
            given.report(0, 0.5)


def test_outside_a_run_there_are_n() -> None:
    student = Student([])
    assert student.fit(Context(), 3) == [0, 1, 2]
    assert student.untouched == "as it was"
