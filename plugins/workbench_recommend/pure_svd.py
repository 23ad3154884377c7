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
        """Lanczos passes over the matrix, its orthogonalisation, and scoring every user."""
        wide = shape["users"] + shape["items"]
        lanczos = 2 * 450 * shape["interactions"] + 450 * 400 * min(shape["users"], shape["items"])
        return 0.02 + 1.5e-9 * lanczos + 6e-9 * shape["users"] * shape["items"], 4.0 * 450 * wide

    def fit(self, train: Interactions, context: Context) -> None:
        """Truncated SVD by scipy's Lanczos solver, started from a seeded vector."""
        import scipy.sparse as sp
        from scipy.sparse.linalg import svds

        matrix = train.matrix
        counts = item_counts(matrix)
        self.scale_ = ((counts / counts.mean()) ** np.float32(self.item_scaling)).astype(np.float32)
        roots = np.sqrt(user_weights(matrix, self.user_discount))
        scaled = sp.csr_array(sp.diags_array(roots) @ matrix @ sp.diags_array(self.scale_))
        small = min(scaled.shape)
        rank = max(1, min(self.factors, small - 1))
        start = context.rng.normal(size=small).astype(np.float32)
        _, values, right = svds(scaled, k=rank, v0=start, return_singular_vectors="vh")
        keep = (values**2 / (values**2 + np.float32(self.shrinkage)))[:, None]
        self.item_factors_ = np.ascontiguousarray((right * keep / self.scale_).T, dtype=np.float32)
        self.projection_ = np.ascontiguousarray((right * self.scale_).T, dtype=np.float32)

    def fold_in(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, factors]."""
        return np.asarray(histories @ self.projection_)
