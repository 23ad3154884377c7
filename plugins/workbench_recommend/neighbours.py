"""Nearest neighbours, and the products in which they are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from workbench.blocks.top_k import top_k

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

BLOCK = 2**22
"""Similarities held at a time: 16 MiB of float32."""

GATHERED = 2**18
"""Summands of a product held at a time, which a processor's cache still helps with."""


def nearest_items(
    n_items: int,
    similar: Callable[[NDArray[np.intp]], NDArray[np.float32]],
    neighbours: int,
    amplification: float = 1.0,
    normalisation: float = 0.0,
) -> sp.csr_array:
    """CSR, n_items × n_items: the weight of each taken item (row) for each candidate (column), in bounded memory.

    Args:
        n_items: how many items there are.
        similar: candidates int[n] -> float32[n, n_items], not negative, how similar each is to every item; its
            similarity to itself is overwritten.
        neighbours: as for `nearest`, and so the rest.
    """
    import scipy.sparse as sp

    size = max(1, BLOCK // n_items)
    blocks = []
    for start in range(0, n_items, size):
        candidates = np.arange(start, min(start + size, n_items))
        block = similar(candidates)
        block[np.arange(len(candidates)), candidates] = 0
        blocks.append(nearest(block, neighbours, amplification, normalisation))
    return sp.csr_array(sp.vstack(blocks, format="csr").T)


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
    best, values = top_k(similar, k)
    if amplification != 1:
        values = values ** np.float32(amplification)
    if normalisation:
        values = values / np.maximum(values.sum(axis=1, keepdims=True), np.float32(1e-12)) ** np.float32(normalisation)
    rows = sp.csr_array((values.astype(np.float32).ravel(), best.ravel(), np.arange(n + 1) * k), shape=(n, m))
    rows.eliminate_zeros()
    return rows


def dense_product(left: sp.csr_array, right: sp.csr_array) -> NDArray[np.float32]:
    """float32[n, m]: the product of sparse float32 matrices whose product is hardly sparse.

    The rows of `right` that a row of `left` names are gathered, weighed and added up in place. That takes a
    quarter of the time of scipy's product, which keeps lists of what is not zero; the sums are the same.
    """
    import scipy.sparse as sp

    summands = np.diff(right.indptr)[left.indices]
    starts = np.concatenate([[0], np.cumsum(summands, dtype=np.int64)])[left.indptr]
    n, start = left.shape[0], 0
    product = np.empty((n, right.shape[1]), dtype=np.float32)
    while start < n:
        end = max(start + 1, int(np.searchsorted(starts, starts[start] + GATHERED, side="right")) - 1)
        first, last = left.indptr[start], left.indptr[end]
        rows = right[left.indices[first:last]]
        data = rows.data * np.repeat(left.data[first:last], summands[first:last])
        ends = rows.indptr[left.indptr[start : end + 1] - first]
        # Written out as dense, equal positions of a row add up.
        sp.csr_array((data, rows.indices, ends), shape=(end - start, right.shape[1])).toarray(out=product[start:end])
        start = end
    return product
