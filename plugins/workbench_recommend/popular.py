"""What most users took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workbench import Context, Model
from workbench.data.interactions import Interactions
from workbench_recommend.weights import item_sums

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


class Popular(Model):
    """Scores an item by how many interactions it has, or by the sum of their weights."""

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Scoring every user dominates."""
        return 0.01 + 2e-8 * shape["users"] * shape["items"], 8.0 * shape["items"]

    def fit(self, train: Interactions, context: Context) -> None:
        """Add up."""
        self.counts_ = item_sums(train.matrix)

    def score_histories(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, n_items]: the same counts for all."""
        return np.broadcast_to(self.counts_, histories.shape)
