"""EASE agrees with its formula in float64, in the dense form and in the dual one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from workbench.contract.context import Context
from workbench.data.interactions import Interactions
from workbench_recommend import ease


def interactions(taken: Any) -> Interactions:
    users, items = np.nonzero(taken)
    ones = np.ones(len(users), np.float32)
    return Interactions(users.astype(np.int32), items.astype(np.int32), ones, None, *taken.shape)


def formula(taken: Any, l2: float, user_discount: float, item_discount: float) -> Any:
    """B = I - P / diag(P), from the paper, with the two discounts."""
    x = taken.astype(np.float64)
    counts = np.maximum(x.sum(axis=1), 1)
    weights = counts**-user_discount
    weights *= x.sum() / (weights * x.sum(axis=1)).sum()
    inverse = np.linalg.inv(x.T @ (weights[:, None] * x) + l2 * np.eye(x.shape[1]))
    b = -inverse / np.diag(inverse)
    np.fill_diagonal(b, 0)
    return b * np.maximum(x.sum(axis=0), 1) ** -item_discount


taken_by = npst.arrays(np.bool_, st.tuples(st.integers(1, 8), st.integers(2, 12))).filter(lambda array: array.any())


@pytest.mark.parametrize("size", [ease.DENSE_BYTES, 0], ids=["dense", "dual"])
@given(taken_by, st.sampled_from([1.0, 30.0, 500.0]), st.sampled_from([0.0, 0.5]), st.sampled_from([0.0, 0.2]))
def test_scores_are_those_of_the_formula(size: int, taken: Any, l2: float, by_user: float, by_item: float) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(ease, "DENSE_BYTES", size)
    model = ease.EASE(l2=l2, user_discount=by_user, item_discount=by_item)
    model.fit(interactions(taken), Context())
    patch.undo()
    assert model.dual_ == (size == 0 and taken.shape[0] < taken.shape[1])
    histories = sp.csr_array(np.vstack([taken, ~taken]).astype(np.float32))
    expected = histories @ formula(taken, l2, by_user, by_item)
    np.testing.assert_allclose(model.score_histories(histories), expected, rtol=1e-3, atol=2e-5)


def test_the_dual_form_in_blocks_equals_the_dense_form(
    fitted: Callable[..., Any], made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = interactions(made.train.matrix.toarray()[:15])
    params = {"l2": 20.0, "user_discount": 0.4, "item_discount": 0.1}
    dense = fitted("ease", train, params=params)
    monkeypatch.setattr(ease, "DENSE_BYTES", 0)
    monkeypatch.setattr(ease, "BLOCK", 40)
    dual = fitted("ease", train, params=params)
    assert (dense.dual_, dual.dual_) == (False, True)
    assert not hasattr(dual, "weights_")
    wanted = dense.score_histories(made.test.matrix)
    np.testing.assert_allclose(dual.score_histories(made.test.matrix), wanted, rtol=1e-3, atol=1e-5)
