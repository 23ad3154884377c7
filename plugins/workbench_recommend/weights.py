"""Weights that several models share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


def user_weights(matrix: sp.csr_array, discount: float) -> NDArray[np.float32]:
    """float32[n_users]: count**-discount, scaled so that interactions weigh 1 on average.

    Who took a thousand items says less with each of them than who took ten; with the scaling, a model's
    regularisation keeps its meaning whatever the discount.
    """
    counts = np.maximum(np.diff(matrix.indptr), 1).astype(np.float64)
    weights = counts**-discount
    return np.asarray(weights * (matrix.nnz / max(1e-12, float(np.diff(matrix.indptr) @ weights))), dtype=np.float32)


def item_counts(matrix: sp.csr_array) -> NDArray[np.float32]:
    """float32[n_items]: how many users took each item, at least 1."""
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return np.maximum(counts, 1).astype(np.float32)


def item_sums(matrix: sp.csr_array) -> NDArray[np.float32]:
    """float32[n_items]: the weights of each item's interactions, added up; how many they are where all weigh 1."""
    return np.bincount(matrix.indices, matrix.data, minlength=matrix.shape[1]).astype(np.float32)
