"""Metrics of predicted numbers are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as theirs

from workbench.contract.task import Task
from workbench.execution.scoring import intervals
from workbench.metrics.regression import REGRESSION, evaluate_numbers

NAMES = [metric.name for metric in REGRESSION]
NUMBERS = st.lists(st.tuples(st.integers(-100, 100), st.integers(-100, 100)), min_size=2, max_size=30)


@given(NUMBERS)
def test_they_are_those_of_scikit_learn(pairs) -> None:
    predicted, truth = np.array(pairs, dtype=np.float64).T
    found = evaluate_numbers(predicted, truth, NAMES)
    assert found.metrics["rmse"] == pytest.approx(theirs.root_mean_squared_error(truth, predicted))
    assert found.metrics["mae"] == pytest.approx(theirs.mean_absolute_error(truth, predicted))
    assert found.metrics["r2"] == pytest.approx(theirs.r2_score(truth, predicted))
    for name in ("rmse", "mae"):
        assert float(found.per_example[name].mean(dtype=np.float64)) == pytest.approx(found.metrics[name], rel=1e-5)


class Numbers(Task[object]):
    """Any task of numbers."""

    metrics = REGRESSION


def test_the_interval_of_rmse_is_as_wide_as_its_bootstrap() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = np.zeros(400), rng.normal(size=400)
    low, high = intervals([evaluate_numbers(predicted, truth, ["rmse"])], Numbers())["rmse"]
    draws = [np.sqrt((rng.choice(predicted, 400) ** 2).mean()) for _ in range(500)]
    assert high - low == pytest.approx(2 * 1.96 * np.std(draws), rel=0.15)


def test_no_error_is_no_division_by_zero() -> None:
    found = evaluate_numbers(np.ones(3), np.ones(3), NAMES)
    assert found.metrics == {"rmse": 0.0, "mae": 0.0, "r2": 1.0}
    assert found.per_example["rmse"].tolist() == [0, 0, 0]
    assert evaluate_numbers(np.zeros(3), np.ones(3), ["r2", "accuracy"]).metrics == {"r2": 0.0}
