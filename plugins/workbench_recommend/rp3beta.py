"""RP3beta: Paudel et al., "Updatable, Accurate, Diverse, and Scalable Recommendations for Interactive Applications",
ACM Transactions on Interactive Intelligent Systems 7(1), 2016."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workbench import Context
from workbench.blocks.recommend import ItemWeights
from workbench.data.interactions import Interactions
from workbench.space import Float, Int
from workbench_recommend.neighbours import BLOCK, dense_product, nearest_items
from workbench_recommend.weights import item_counts, item_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RP3Beta(ItemWeights):
    """Random walks from item to user to item, the target's popularity discounted.

    The weight of taken item i for candidate j is the sum over users of (p(u|i) p(j|u))**alpha, divided by
    count_j**beta; a step is as probable as its interaction's share of the weights. Each candidate keeps its
    `neighbours` largest, divided by their sum to the power of `normalisation`.
    """

    alpha: float = 0.6
    beta: float = 0.1
    neighbours: int = 100
    normalisation: float = 0.5

    space = {
        "alpha": Float(0.3, 2),
        "beta": Float(0, 1),
        "neighbours": Int(10, 500, log=True),
        "normalisation": Float(0, 0.8),
    }

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """As for item neighbours: the walks, and the dense blocks in which they are ranked."""
        mean_history = shape["interactions"] / max(1, shape["users"])
        seconds = 6e-9 * shape["interactions"] * mean_history + 6e-9 * shape["items"] ** 2
        return 0.05 + seconds + 1e-6 * shape["interactions"], 16.0 * 100 * shape["items"] + 16.0 * BLOCK

    def fit(self, train: Interactions, context: Context) -> None:
        """Block by block of candidates."""
        import scipy.sparse as sp

        matrix = train.matrix
        powers = matrix.power(self.alpha)
        to_items = sp.csr_array((sp.diags_array(self._divisors(matrix.sum(axis=1))) @ powers).T)  # one row a candidate
        to_users = sp.csr_array(powers @ sp.diags_array(self._divisors(item_sums(matrix))))
        popularity = item_counts(matrix) ** np.float32(-self.beta)

        def walks(candidates: NDArray[np.intp]) -> NDArray[np.float32]:
            return dense_product(to_items[candidates], to_users) * popularity[candidates, None]

        self.weights_ = nearest_items(train.n_items, walks, self.neighbours, normalisation=self.normalisation)

    def _divisors(self, sums: NDArray[np.float32]) -> NDArray[np.float32]:
        """sums**-alpha, 1 for those who have no interaction."""
        return np.asarray(np.where(sums > 0, sums, np.float32(1)) ** np.float32(-self.alpha))
