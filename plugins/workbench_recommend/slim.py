"""SLIM: Ning and Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from workbench import Context
from workbench.blocks.recommend import ItemWeights
from workbench.data.interactions import Interactions
from workbench.space import Float, Int
from workbench_recommend.weights import user_weights

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

GATHERED = 2**22
"""Numbers of the candidates' own matrices that are held at a time, by each thread."""

SWEEPS = 20
TOLERANCE = 2e-3


class SLIM(ItemWeights):
    """Sparse item weights, none negative, by elastic-net regression of each item on its neighbours.

    For each item the `neighbours` with the largest cosine are its features, as in the paper's fsSLIM; the
    weights minimise 1/2 |x_j - Xw|² + l2/2 |w|² + l1 |w|₁ with w ≥ 0, by coordinate descent on the Gram matrix
    (Friedman, Hastie and Tibshirani 2010). Rows of X weigh count**-user_discount.
    """

    l1: float = 1.0
    l2: float = 200.0
    neighbours: int = 100
    user_discount: float = 0.3

    space = {
        "l1": Float(0.05, 30, log=True),
        "l2": Float(1, 2000, log=True),
        "neighbours": Int(30, 300, log=True),
        "user_discount": Float(0, 0.8),
    }

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """The sweeps over each item's own matrix, and the Gram matrix of all."""
        seconds = 1e-8 * shape["items"] * 100**2 + 1.2e-8 * shape["items"] ** 2 + 1e-6 * shape["interactions"]
        return 0.1 + seconds, 8.0 * shape["items"] ** 2 + 16.0 * GATHERED

    def fit(self, train: Interactions, context: Context) -> None:
        """Blocks of items, shared out among the threads."""
        import scipy.sparse as sp

        matrix = train.matrix
        weighted = sp.csr_array(sp.diags_array(np.sqrt(user_weights(matrix, self.user_discount))) @ matrix)
        gram = (weighted.T @ weighted).toarray()
        n_items = len(gram)
        width = min(self.neighbours, n_items)
        size = max(1, GATHERED // width**2)
        # One interaction says nothing that can be told from chance, and such items are many.
        worth = np.flatnonzero(np.bincount(train.items, minlength=n_items) > 1)
        blocks = [worth[start : start + size] for start in range(0, len(worth), size)]
        with ThreadPoolExecutor(context.threads) as threads:
            solved = list(threads.map(lambda items: self._solve(gram, items, width), blocks))
        rows = sp.vstack(solved, format="coo") if solved else sp.coo_array((0, n_items), dtype=np.float32)
        self.weights_ = sp.csr_array((rows.data, (rows.col, worth[rows.row])), shape=(n_items, n_items))

    def _solve(self, gram: NDArray[np.float32], items: NDArray[np.intp], width: int) -> sp.csr_array:
        """The weights of a block of items, one row each."""
        import scipy.sparse as sp

        rows = gram[items]
        cosine = rows / np.sqrt(np.maximum(gram.diagonal(), np.float32(1e-9)))
        cosine[np.arange(len(items)), items] = -1
        chosen = np.argpartition(cosine, cosine.shape[1] - width, axis=1)[:, -width:]
        target = np.take_along_axis(rows, chosen, axis=1)
        target[chosen == items[:, None]] = 0  # an item is no feature of itself, even where all others are
        own = gram[chosen[:, :, None], chosen[:, None, :]]
        scale = np.diagonal(own, axis1=1, axis2=2) + np.float32(self.l2)
        weights = np.zeros_like(target)
        residual = target - np.float32(self.l1)  # of the gradient: target - l1 - own @ weights
        for _ in range(SWEEPS):
            largest = 0.0
            for feature in range(width):
                before = weights[:, feature]
                after = before + (residual[:, feature] - np.float32(self.l2) * before) / scale[:, feature]
                step = np.maximum(after, 0) - before
                weights[:, feature] += step
                residual -= step[:, None] * own[:, feature]
                largest = max(largest, float(np.abs(step).max(initial=0)))
            if largest < TOLERANCE:
                break
        weights[chosen == items[:, None]] = 0
        starts = np.arange(len(items) + 1) * width
        found = sp.csr_array((weights.ravel(), chosen.ravel(), starts), shape=(len(items), len(gram)))
        found.eliminate_zeros()
        return found
