"""EASE: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, with two discounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workbench import Context
from workbench.blocks.recommend import ItemWeights
from workbench.data.interactions import Interactions
from workbench.space import Float
from workbench_recommend.weights import item_counts, user_weights

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

DENSE_BYTES = 2**26
"""Up to this size the item weights are formed; above it scores are computed from the dual form."""

BLOCK = 2**22


class EASE(ItemWeights):
    """A linear autoencoder without self-similarity, in closed form.

    With P = (XᵀWX + l2 I)⁻¹ the weights are B = I - P / diag(P), their columns scaled by
    count**-item_discount. W holds count**-user_discount for each user (1 with the default 0). Where there are
    fewer users than items, P comes from the users' side (Woodbury's identity), which needs n_users² numbers
    instead of n_items².
    """

    l2: float = 500.0
    user_discount: float = 0.0
    item_discount: float = 0.0

    space = {
        "l2": Float(20, 5000, log=True),
        "user_discount": Float(0, 0.8),
        "item_discount": Float(-0.1, 0.3),
    }
    starts = ({"l2": 400.0, "user_discount": 0.3, "item_discount": 0.1},)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """The inverse of the smaller side's matrix, and scoring every user."""
        users, items, small = shape["users"], shape["items"], min(shape["users"], shape["items"])
        scoring = 1e-9 * shape["interactions"] * (items if 4 * items**2 <= DENSE_BYTES else users)
        dense = 4.0 * items**2 if items <= users or 4 * items**2 <= DENSE_BYTES else 0.0
        return 0.02 + 2e-11 * small**3 + scoring, 8.0 * small**2 + dense + 4.0 * BLOCK

    def fit(self, train: Interactions, context: Context) -> None:
        """Invert by a float32 Cholesky factorisation (LAPACK potrf and potri)."""
        import scipy.sparse as sp

        matrix = train.matrix
        roots = np.sqrt(user_weights(matrix, self.user_discount))
        weighted = sp.csr_array(sp.diags_array(roots) @ matrix)
        self.scale_ = item_counts(matrix) ** np.float32(-self.item_discount)
        self.dual_ = train.n_users < train.n_items
        if self.dual_:
            self._fit_users_side(weighted)
        else:
            gram = (weighted.T @ weighted).toarray()
            inverse = _inverse(gram, self.l2)
            self.weights_ = _without_self(inverse, self.scale_)

    def _fit_users_side(self, weighted: sp.csr_array) -> None:
        """P = (I - XᵀKX) / l2 with K = (XXᵀ + l2 I)⁻¹, X here with the roots of W in its rows."""
        n_items = weighted.shape[1]
        kernel = _inverse((weighted @ weighted.T).toarray(), self.l2)
        columns = weighted.T.tocsr()
        inner = np.empty(n_items, dtype=np.float32)
        form = 4 * n_items**2 <= DENSE_BYTES
        inverse = np.empty((n_items, n_items), dtype=np.float32) if form else None
        size = max(1, BLOCK // max(1, weighted.shape[0]))
        for start in range(0, n_items, size):
            block = columns[start : start + size]
            projected = block @ kernel
            inner[start : start + size] = (block.multiply(projected)).sum(axis=1)
            if inverse is not None:
                inverse[start : start + size] = (columns @ projected.T).T
        if inverse is not None:
            inverse *= -1
            inverse[np.diag_indices(n_items)] += 1
            self.dual_ = False
            self.weights_ = _without_self(inverse, self.scale_)
        else:
            self.kernel_ = kernel
            self.weighted_ = weighted
            self.own_ = 1 - inner

    def score_histories(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, n_items]."""
        if not self.dual_:
            return super().score_histories(histories)
        projected = (histories @ self.weighted_.T).toarray() @ self.kernel_
        scores = np.asarray((self.weighted_.T @ projected.T).T, dtype=np.float32)
        scores /= self.own_
        # With B = I - P / diag(P), what was taken counts itself fully and is then taken off by its own weight.
        rows = np.repeat(np.arange(histories.shape[0]), np.diff(histories.indptr))
        scores[rows, histories.indices] += histories.data * (1 - 1 / self.own_[histories.indices])
        scores *= self.scale_
        return scores


def _inverse(gram: NDArray[np.float32], l2: float) -> NDArray[np.float32]:
    """(gram + l2 I)⁻¹; overwrites `gram`."""
    from scipy.linalg import lapack

    gram[np.diag_indices_from(gram)] += np.float32(l2)
    factor, failed = lapack.spotrf(gram.T, lower=0, overwrite_a=1)
    if failed:
        raise ArithmeticError(f"the matrix is not positive definite with l2={l2:g}; a larger l2 helps")
    inverse, _ = lapack.spotri(factor, lower=0, overwrite_c=1)
    upper = np.triu(inverse)
    return np.asarray(upper + np.triu(upper, 1).T, order="C")


def _without_self(inverse: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """B = I - P / diag(P), its columns scaled."""
    inverse *= np.asarray(-scale / np.diag(inverse), dtype=np.float32)
    inverse[np.diag_indices_from(inverse)] = 0
    return inverse
