"""Nearest neighbours and their products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from workbench.contract.split import Split
from workbench.data.interactions import Interactions
from workbench_recommend import neighbours, user_knn
from workbench_recommend.neighbours import dense_product, nearest, nearest_items


def matrix(shape: tuple[int, int], density: float, seed: int = 0) -> sp.csr_array:
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random(shape) < density, rng.random(shape), 0)
    dense[shape[0] // 2] = 0  # who took nothing
    return sp.csr_array(dense.astype(np.float32))


@pytest.mark.parametrize("gathered", [1, 40, 2**18])
@pytest.mark.parametrize("density", [0.0, 0.05, 0.6])
def test_a_dense_product_is_the_sparse_one(gathered: int, density: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "GATHERED", gathered)
    left, right = matrix((23, 31), density), matrix((31, 17), 0.3, seed=1)
    product = dense_product(left, right)
    assert product.dtype == np.float32
    np.testing.assert_array_equal(product, (left @ right).toarray())


def test_the_nearest_are_kept_amplified_and_normalised() -> None:
    similar = np.array([[0.5, 0.1, 0.4, 0.0], [0.0, 0.2, 0.0, 0.0]], dtype=np.float32)
    found = nearest(similar, 2, amplification=2, normalisation=1).toarray()
    np.testing.assert_allclose(found, [[0.25 / 0.41, 0, 0.16 / 0.41, 0], [0, 1, 0, 0]], rtol=1e-6)


def test_blocks_of_items_give_the_same_weights_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    similar = np.random.default_rng(2).random((30, 30), dtype=np.float32)
    whole = nearest_items(30, lambda candidates: similar[candidates], 5, 1.5, 0.5)
    monkeypatch.setattr(neighbours, "BLOCK", 7 * 30)
    blocked = nearest_items(30, lambda candidates: similar[candidates], 5, 1.5, 0.5)
    np.testing.assert_array_equal(blocked.toarray(), whole.toarray())
    assert not whole.diagonal().any()
    assert (np.diff(whole.tocsc().indptr) == 5).all()
    best = np.argmax(similar[3] * (np.arange(30) != 3))
    assert whole[[best], [3]] == whole[:, [3]].max()


@pytest.mark.parametrize("block", [1, 100, 2**22])
@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
def test_users_are_compared_as_written(
    block: int, shrinkage: float, made: Split[Interactions], fitted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_knn, "BLOCK", block)
    params = {"neighbours": 40, "item_discount": 0.5, "shrinkage": shrinkage, "amplification": 2.0}
    model = fitted("user-knn", made.train, params=params)
    taken, histories = (part.matrix.toarray().astype(float) for part in (made.train, made.test))
    discounts = np.maximum(taken.sum(axis=0), 1) ** -0.5
    dots = histories * discounts @ taken.T
    lengths = [np.sqrt((each**2 * discounts).sum(axis=1)) for each in (histories, taken)]
    similar = dots / np.outer(*lengths) * (dots / (dots + shrinkage) if shrinkage else 1)
    np.testing.assert_allclose(model.score_histories(made.test.matrix), similar**2 @ taken, rtol=1e-4)
