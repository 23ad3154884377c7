"""A metric has a direction; a mean over examples has an interval."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from workbench.contract.metric import Evaluation, Metric


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_the_objective_is_larger_where_the_metric_is_better(first: float, second: float) -> None:
    gain, loss = Metric("ndcg@10", ""), Metric("rmse", "", larger_is_better=False)
    assert (gain.objective(first) > gain.objective(second)) == (first > second)
    assert (loss.objective(first) > loss.objective(second)) == (first < second)
    assert loss.objective(loss.objective(first)) == first


def test_directions_are_named() -> None:
    assert Metric("ndcg@10", "").direction == "maximize"
    assert Metric("rmse", "", larger_is_better=False).direction == "minimize"


@given(st.lists(st.floats(-1000, 1000, width=32), min_size=2, max_size=50))
def test_the_interval_is_that_of_the_mean(values: list[float]) -> None:
    array = np.array(values, np.float32)
    mean = float(array.mean(dtype=np.float64))
    low, high = Evaluation({"m": mean}, {"m": array}).interval("m") or (0.0, 0.0)
    half = student.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    assert (low, high) == pytest.approx((mean - half, mean + half), rel=1e-6, abs=1e-6)


def test_there_is_no_interval_without_a_mean_over_two_examples() -> None:
    evaluation = Evaluation({"coverage@10": 0.5, "m": 1.0}, {"m": np.ones(1, np.float32)})
    assert evaluation.interval("coverage@10") is None
    assert evaluation.interval("m") is None
