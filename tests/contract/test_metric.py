"""A metric has a direction; a mean over examples has an interval."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.contract.metric import Metric


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_the_objective_is_larger_where_the_metric_is_better(first: float, second: float) -> None:
    gain, loss = Metric("ndcg@10", ""), Metric("rmse", "", larger_is_better=False)
    assert (gain.objective(first) > gain.objective(second)) == (first > second)
    assert (loss.objective(first) > loss.objective(second)) == (first < second)
    assert loss.objective(loss.objective(first)) == first


def test_directions_are_named() -> None:
    assert Metric("ndcg@10", "").direction == "maximize"
    assert Metric("rmse", "", larger_is_better=False).direction == "minimize"
