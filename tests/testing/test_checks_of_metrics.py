"""Each promise of metrics that plugins add."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.testing.conftest import found
from workbench.testing.generator import CHECKS
from workbench.testing.subjects import MetricSubject

Make = Callable[[str], MetricSubject]

CASES = [
    ("it_is_a_function", "gone", "tests.testing.broken:gone cannot be loaded"),
    ("it_is_a_function", "NoFunction", "tests.testing.broken:NoFunction is <class"),
    ("it_gives_a_finite_number_a_row", "raises", "metric raises: RuntimeError: out of order"),
    ("it_gives_a_finite_number_a_row", "too_few", "metric too_few gives values of shape (3,); (40,) or a single"),
    ("it_gives_a_finite_number_a_row", "not_finite", "metric not_finite is nan; a finite number"),
    ("it_gives_a_finite_number_a_row", "changes", "ValueError: assignment destination is read-only"),
    ("the_same_answers_give_the_same_value", "dice", "computed twice, metrics.dice is "),
]


@pytest.mark.parametrize(("check", "name", "seen"), CASES, ids=[f"{check}-{name}" for check, name, _ in CASES])
def test_a_broken_promise_is_caught_and_the_cause_named(metric: Make, check: str, name: str, seen: str) -> None:
    state, told = found(metric(name), "metric", check)
    assert (state, seen in told) == ("failed", True), told


def test_a_good_metric_keeps_every_promise(metric: Make) -> None:
    subject = metric("length")
    outcomes = {check.name: found(subject, "metric", check.name) for check in CHECKS["metric"]}
    assert outcomes.pop("its_requirements_are_declared") == ("skipped", "it is no plugin's")
    assert outcomes == dict.fromkeys(outcomes, ("passed", ""))


def test_every_check_has_a_broken_metric_here() -> None:
    assert {check.name for check in CHECKS["metric"]} == {check for check, _, _ in CASES} | {
        "its_requirements_are_declared"
    }
