"""PureSVD: Cremonesi, Koren and Turrin, "Performance of Recommender Algorithms on Top-N Tasks", RecSys 2010."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workbench import Context
from workbench.blocks.recommend import Factors
from workbench.data.interactions import Interactions
from workbench.space import Float, Int, Space
from workbench_recommend.weights import item_counts, user_weights

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

DENSE_SIDE = 1024
"""Up to this many rows or columns a dense solver is faster, and for nearly all factors the only sound one."""


class PureSVD(Factors):
    """Projects a history on the leading right singular vectors of the user-item matrix.

    Rows are weighted by count**-user_discount and columns scaled by count**item_scaling before the
    decomposition; each direction with singular value s then counts s² / (s² + shrinkage), which is ridge
    regression in the space of the factors. Shrinkage 0 without discount and scaling is PureSVD as published.
    """

    factors: int = 200
    shrinkage: float = 600.0
    user_discount: float = 0.4
    item_scaling: float = 0.0

    starts = ({"factors": 50},)

    @classmethod
    def space_for(cls, shape: Mapping[str, int]) -> Space:
        """Factors up to 512, and below the rank that the data can have."""
        return {
            "factors": Int(8, max(200, min(512, shape["users"], shape["items"])), log=True),
            "shrinkage": Float(10, 5000, log=True),
            "user_discount": Float(0, 0.8),
            "item_scaling": Float(-0.3, 0.1),
        }

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """The dense or the Lanczos solver, and scoring every user."""
        wide, small = shape["users"] + shape["items"], min(shape["users"], shape["items"])
        if small <= DENSE_SIDE:
            seconds, size = 2e-10 * small**3, 8.0 * small**2
        else:
            seconds, size = 1.5e-9 * (900 * shape["interactions"] + 450 * 400 * small), 0.0
        return 0.02 + seconds + 6e-9 * shape["users"] * shape["items"], size + 4.0 * 450 * wide

    def fit(self, train: Interactions, context: Context) -> None:
        """Truncated SVD, by scipy's Lanczos solver where the factors are few among many."""
        import scipy.sparse as sp

        matrix = train.matrix
        counts = item_counts(matrix)
        self.scale_ = ((counts / counts.mean()) ** np.float32(self.item_scaling)).astype(np.float32)
        roots = np.sqrt(user_weights(matrix, self.user_discount))
        scaled = sp.csr_array(sp.diags_array(roots) @ matrix @ sp.diags_array(self.scale_))
        squares, right = _leading(scaled, max(1, min(self.factors, min(scaled.shape) - 1)), context.rng)
        keep = squares / (squares + np.float32(self.shrinkage))
        self.item_factors_ = np.ascontiguousarray(right * keep / self.scale_[:, None], dtype=np.float32)
        self.projection_ = np.ascontiguousarray(right * self.scale_[:, None], dtype=np.float32)

    def fold_in(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, factors]."""
        return np.asarray(histories @ self.projection_)


def _leading(
    matrix: sp.csr_array, rank: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Squares of the largest singular values, float32[rank], and the right vectors, float32[n_items, rank].

    Lanczos runs into an exhausted space when nearly all vectors are asked for, and then goes on from a random
    one that cannot be seeded through `svds`; so the dense solver has those cases.
    """
    from scipy.linalg import eigh
    from scipy.sparse.linalg import svds

    small = min(matrix.shape)
    if small > DENSE_SIDE and 4 * rank < small:
        start = rng.normal(size=small).astype(np.float32)
        _, values, right = svds(matrix, k=rank, v0=start, return_singular_vectors="vh")
        return values**2, right.T
    by_user = matrix.shape[0] < matrix.shape[1]
    gram = (matrix @ matrix.T if by_user else matrix.T @ matrix).toarray()
    squares, vectors = eigh(gram, subset_by_index=(small - rank, small - 1), overwrite_a=True, check_finite=False)
    squares = np.maximum(squares, np.float32(1e-6) * squares[-1])
    return squares, matrix.T @ (vectors / np.sqrt(squares)) if by_user else vectors
