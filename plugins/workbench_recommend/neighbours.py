"""The nearest neighbours of a block of candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


def nearest(
    similar: NDArray[np.float32], neighbours: int, amplification: float = 1.0, normalisation: float = 0.0
) -> sp.csr_array:
    """CSR, n × m: each row's largest entries, amplified, divided by their sum to the power of `normalisation`.

    Args:
        similar: float32[n, m], not negative.
        neighbours: how many entries of a row to keep.
        amplification: the power they are raised to.
        normalisation: 0 leaves them, 1 makes them sum to 1.
    """
    import scipy.sparse as sp

    n, m = similar.shape
    k = min(neighbours, m)
    best = np.argpartition(similar, m - k, axis=1)[:, m - k :]
    values = np.maximum(np.take_along_axis(similar, best, axis=1), 0)
    if amplification != 1:
        values = values ** np.float32(amplification)
    if normalisation:
        values = values / np.maximum(values.sum(axis=1, keepdims=True), np.float32(1e-12)) ** np.float32(normalisation)
    rows = sp.csr_array((values.astype(np.float32).ravel(), best.ravel(), np.arange(n + 1) * k), shape=(n, m))
    rows.eliminate_zeros()
    return rows
