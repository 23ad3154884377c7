"""User neighbours: Herlocker et al., "An Algorithmic Framework for Performing Collaborative Filtering", SIGIR 1999."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workbench import Context, Model
from workbench.data.interactions import Interactions
from workbench.space import Float, Int
from workbench_recommend.neighbours import BLOCK, dense_product, nearest
from workbench_recommend.weights import item_counts

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


class UserKNN(Model):
    """Scores an item by the similarity of those who took it, over the nearest users.

    The similarity of two users is the cosine of their histories, items weighing count**-item_discount, shrunk
    by dot / (dot + shrinkage) and raised to `amplification`. A history is compared as it is, so users that were
    never met are answered like any other.
    """

    neighbours: int = 150
    item_discount: float = 0.5
    shrinkage: float = 0.0
    amplification: float = 3.0

    space = {
        "neighbours": Int(10, 600, log=True),
        "item_discount": Float(0, 1),
        "shrinkage": Float(0, 20),
        "amplification": Float(0.5, 5, log=True),
    }

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Comparing all users with all, ranking them, adding their neighbours up, and ranking the items."""
        mean_item = shape["interactions"] / max(1, shape["items"])
        mean_user = shape["interactions"] / max(1, shape["users"])
        seconds = 1e-8 * shape["interactions"] * mean_item + 3e-9 * shape["users"] ** 2
        seconds += 4e-9 * shape["users"] * 150 * mean_user + 2e-9 * shape["users"] * shape["items"]
        return 0.02 + seconds, 24.0 * shape["interactions"] + 16.0 * BLOCK

    def fit(self, train: Interactions, context: Context) -> None:
        """Weigh the items; the work is in answering."""
        import scipy.sparse as sp

        matrix = train.matrix
        self.item_roots_ = (item_counts(matrix) ** np.float32(-self.item_discount / 2)).astype(np.float32)
        self.taken_ = matrix
        self.norms_ = _norms(matrix, self.item_roots_)
        # One row an item; its products with a history's unit vector are cosines.
        self.units_ = sp.csr_array(self._units(matrix, self.norms_).T)

    def score_histories(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, n_items]."""
        norms = _norms(histories, self.item_roots_)
        units = self._units(histories, norms)
        scores = np.empty(histories.shape, dtype=np.float32)
        size = max(1, BLOCK // len(self.norms_))
        for start in range(0, len(scores), size):
            rows = slice(start, start + size)
            similar = dense_product(units[rows], self.units_)
            if self.shrinkage:
                dots = similar * norms[rows, None] * self.norms_
                similar *= dots / (dots + np.float32(self.shrinkage))
            scores[rows] = dense_product(nearest(similar, self.neighbours, self.amplification), self.taken_)
        return scores

    def _units(self, matrix: sp.csr_array, norms: NDArray[np.float32]) -> sp.csr_array:
        """The weighted rows, each of length 1."""
        import scipy.sparse as sp

        return sp.csr_array(sp.diags_array(1 / norms) @ matrix @ sp.diags_array(self.item_roots_))


def _norms(matrix: sp.csr_array, roots: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32[n]: lengths of the weighted rows, never 0."""
    return np.asarray(np.maximum(np.sqrt(matrix.power(2) @ roots**2), np.float32(1e-6)), dtype=np.float32)
