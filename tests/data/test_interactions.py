"""What models are handed of the training data they cannot spoil for each other."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.interactions import Interactions


@pytest.fixture
def data() -> Interactions:
    users, items = np.array([0, 0, 1], dtype=np.int32), np.array([0, 2, 1], dtype=np.int32)
    return Interactions(users, items, np.ones(3, dtype=np.float32), None, n_users=2, n_items=3)


@pytest.mark.parametrize("name", ["matrix.data", "matrix.indices", "matrix.indptr", "popularity"])
def test_what_is_derived_is_read_only(data: Interactions, name: str) -> None:
    value = data
    for part in name.split("."):
        value = getattr(value, part)
    with pytest.raises(ValueError, match="read-only"):
        value[0] = 7  # type: ignore[index]


def test_a_matrix_whose_arrays_are_replaced_is_its_holders_own(data: Interactions) -> None:
    mine = data.matrix
    mine.data = np.zeros(3, dtype=np.float32)
    assert data.matrix.toarray().tolist() == [[1, 0, 1], [0, 1, 0]]


def test_the_matrix_is_made_once(data: Interactions) -> None:
    assert np.shares_memory(data.matrix.data, data.matrix.data)
