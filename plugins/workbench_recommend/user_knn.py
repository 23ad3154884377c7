"""User neighbours: Herlocker et al., "An Algorithmic Framework for Performing Collaborative Filtering", SIGIR 1999."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workbench import Context, Model
from workbench.data.interactions import Interactions
from workbench.space import Float, Int
from workbench_recommend.neighbours import nearest
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
        """Comparing all users with all, and adding their neighbours up."""
        mean_item = shape["interactions"] / max(1, shape["items"])
        mean_user = shape["interactions"] / max(1, shape["users"])
        seconds = 4e-9 * shape["interactions"] * mean_item + 2e-8 * shape["users"] ** 2
        seconds += 3e-9 * shape["users"] * 150 * mean_user
        return 0.05 + seconds, 24.0 * shape["interactions"] + 32.0 * 2**21

    def fit(self, train: Interactions, context: Context) -> None:
        """Weigh the items; the work is in answering."""
        import scipy.sparse as sp

        matrix = train.matrix
        self.item_roots_ = (item_counts(matrix) ** np.float32(-self.item_discount / 2)).astype(np.float32)
        self.taken_ = matrix
        self.weighted_ = sp.csr_array((matrix @ sp.diags_array(self.item_roots_)).T)
        self.norms_ = _norms(matrix, self.item_roots_)

    def score_histories(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, n_items]."""
        import scipy.sparse as sp

        dots = (histories @ sp.diags_array(self.item_roots_) @ self.weighted_).toarray()
        similar = dots / (_norms(histories, self.item_roots_)[:, None] * self.norms_[None, :])
        if self.shrinkage:
            similar *= dots / (dots + np.float32(self.shrinkage))
        scores = nearest(similar, self.neighbours, self.amplification) @ self.taken_
        return np.asarray(scores.toarray(), dtype=np.float32)


def _norms(matrix: sp.csr_array, roots: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32[n]: lengths of the weighted rows, never 0."""
    return np.asarray(np.maximum(np.sqrt(matrix @ roots**2), np.float32(1e-6)), dtype=np.float32)
