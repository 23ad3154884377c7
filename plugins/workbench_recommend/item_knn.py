"""Item neighbours: Deshpande and Karypis, "Item-Based Top-N Recommendation Algorithms", TOIS 2004."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workbench import Context
from workbench.blocks.recommend import ItemWeights
from workbench.data.interactions import Interactions
from workbench.space import Choice, Float, Int, When
from workbench_recommend.neighbours import BLOCK, dense_product, nearest_items
from workbench_recommend.weights import item_counts, user_weights

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


class ItemKNN(ItemWeights):
    """Scores an item by its similarity to those taken, over its nearest neighbours.

    With G = VᵀV for the weighted matrix V and its diagonal n, the similarity of a taken item i and a candidate
    j is G_ij / (n_i^asymmetry · n_j^(1 - asymmetry)), shrunk by G_ij / (G_ij + shrinkage) and raised to
    `amplification`. Each candidate keeps its `neighbours` nearest, divided by their sum to the power of
    `normalisation`. Asymmetry 0.5 is the cosine.

    Weighting `cosine` discounts users by count**-user_discount, `tfidf` by the square of
    log(n_items / (1 + count)); `bm25` is the inner product of BM25 weights with items as documents and users
    as terms (Robertson and Walker 1994), an interaction's weight as the term's frequency, without further division.
    """

    weighting: str = "cosine"
    neighbours: int = 100
    shrinkage: float = 0.0
    amplification: float = 1.3
    normalisation: float = 0.3
    asymmetry: float = 0.6
    user_discount: float = 0.4
    k1: float = 1.2
    b: float = 0.75

    space = {
        "weighting": Choice("cosine", "tfidf", "bm25"),
        "neighbours": Int(10, 500, log=True),
        "shrinkage": Float(0, 50),
        "amplification": Float(0.7, 2, log=True),
        "normalisation": Float(0, 0.6),
        **When("weighting", ("cosine", "tfidf"), {"asymmetry": Float(0.3, 0.8)}),
        **When("weighting", "cosine", {"user_discount": Float(0, 0.9)}),
        **When("weighting", "bm25", {"k1": Float(0.1, 10, log=True), "b": Float(0, 1)}),
    }

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Co-occurrences, the dense blocks they are ranked in, and scoring every user."""
        mean_history = shape["interactions"] / max(1, shape["users"])
        seconds = 6e-9 * shape["interactions"] * mean_history + 6e-9 * shape["items"] ** 2
        seconds += 1e-8 * shape["interactions"] * 100
        return 0.05 + seconds, 16.0 * 100 * shape["items"] + 16.0 * BLOCK

    def fit(self, train: Interactions, context: Context) -> None:
        """Block by block of candidates."""
        import scipy.sparse as sp

        users = self._weighted(train.matrix)
        items = sp.csr_array(users.T)
        squares = items.multiply(items).sum(axis=1).astype(np.float32)
        norms = np.maximum(squares, np.float32(1e-12))

        def similar(candidates: NDArray[np.intp]) -> NDArray[np.float32]:
            found = dense_product(items[candidates], users)
            if self.shrinkage:
                found *= found / (found + np.float32(self.shrinkage))
            if self.weighting != "bm25":
                found /= norms[candidates, None] ** np.float32(1 - self.asymmetry)
                found /= norms[None, :] ** np.float32(self.asymmetry)
            return found

        self.weights_ = nearest_items(len(norms), similar, self.neighbours, self.amplification, self.normalisation)

    def _weighted(self, matrix: sp.csr_array) -> sp.csr_array:
        import scipy.sparse as sp

        if self.weighting == "cosine":
            per_user = np.sqrt(user_weights(matrix, self.user_discount))
        else:
            per_user = np.log(matrix.shape[1] / (1.0 + np.diff(matrix.indptr))).clip(min=0)
        if self.weighting == "bm25":
            counts = item_counts(matrix)
            length = 1 - self.b + self.b * counts / counts.mean()
            frequencies = matrix.data * (self.k1 + 1) / (self.k1 * length[matrix.indices] + matrix.data)
            matrix = sp.csr_array((frequencies, matrix.indices, matrix.indptr), shape=matrix.shape)
        return sp.csr_array(sp.diags_array(per_user.astype(np.float32)) @ matrix)
