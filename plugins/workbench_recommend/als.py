"""ALS: Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008, by `implicit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import Context
from workbench.blocks.recommend import Factors
from workbench.data.interactions import Interactions
from workbench.space import Float, Int
from workbench_recommend.solvers import one_blas_thread
from workbench_recommend.weights import user_weights

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


class ALS(Factors):
    """Factors of users and items by alternating least squares over all pairs.

    What was taken has confidence alpha · count**-user_discount, times its weight; the rest has confidence 1. The
    regularisation is given as a multiple of alpha, `relative_l2`, since the best one grows with it.
    """

    factors: int = 64
    alpha: float = 3.0
    relative_l2: float = 10.0
    iterations: int = 15
    user_discount: float = 0.3

    space = {
        "factors": Int(16, 192, log=True),
        "alpha": Float(0.5, 20, log=True),
        "relative_l2": Float(0.5, 50, log=True),
        "iterations": Int(8, 25),
        "user_discount": Float(0, 0.8),
    }
    starts = ({"factors": 128, "alpha": 2.0, "user_discount": 0.5},)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Three conjugate-gradient steps for every row, fifteen times, and scoring every user."""
        wide = shape["users"] + shape["items"]
        seconds = 15 * (4e-9 * 64 * shape["interactions"] + 2e-9 * 64 * 64 * wide)
        return 0.05 + seconds + 6e-9 * shape["users"] * shape["items"], 4.0 * 64 * wide + 24.0 * shape["interactions"]

    def fit(self, train: Interactions, context: Context) -> None:
        """Alternate, from a seeded start."""
        matrix = train.matrix
        weights = user_weights(matrix, self.user_discount)
        counts = np.maximum(np.diff(matrix.indptr), 1)
        # The scaling of the weights, which a history folded in later must share.
        self.weight_of_one_ = float(weights[0] * counts[0] ** self.user_discount)
        with one_blas_thread():
            solver = self._solver(context.seed, context.threads)
            solver.fit(self._confidences(matrix), show_progress=False)
        self.user_factors_ = np.array(solver.user_factors, dtype=np.float32)
        self.item_factors_ = np.array(solver.item_factors, dtype=np.float32)

    def score(self, users: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[n, n_items]."""
        return self.user_factors_[users] @ self.item_factors_.T

    def fold_in(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, factors]: the exact least-squares solution against the items' factors."""
        with one_blas_thread():
            solver = self._solver(seed=0, threads=1)
            solver.item_factors = self.item_factors_
            found = solver.recalculate_user(np.arange(histories.shape[0]), self._confidences(histories))
        return np.asarray(found, dtype=np.float32)

    def _solver(self, seed: int, threads: int) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares

        return AlternatingLeastSquares(
            factors=self.factors,
            regularization=self.relative_l2 * self.alpha,
            alpha=self.alpha,
            iterations=self.iterations,
            random_state=seed,
            num_threads=threads,
        )

    def _confidences(self, matrix: sp.csr_array) -> sp.csr_matrix:
        """The matrix, each user's rows weighted; `implicit` takes the older matrix type."""
        import scipy.sparse as sp

        counts = np.maximum(np.diff(matrix.indptr), 1)
        weights = self.weight_of_one_ * counts.astype(np.float64) ** -self.user_discount
        data = matrix.data * np.repeat(weights.astype(np.float32), np.diff(matrix.indptr))
        return sp.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)
