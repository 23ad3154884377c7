"""Logistic matrix factorisation: Johnson, "Logistic Matrix Factorization for Implicit Feedback Data", 2014, by
`implicit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from workbench import Context, Model
from workbench.data.interactions import Interactions
from workbench.space import Float, Int
from workbench_recommend.solvers import one_blas_thread, own_copy

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LMF(Model):
    """Factors of the log-odds that a user takes an item, by alternating gradient ascent with sampled negatives.

    Users that were never met are answered by popularity. On one thread, since several would make each fit
    another.
    """

    factors: int = 8
    learning_rate: float = 1.0
    regularization: float = 5.0
    iterations: int = 40
    negatives: int = 60

    space = {
        "factors": Int(4, 128, log=True),
        "learning_rate": Float(0.1, 3, log=True),
        "regularization": Float(0.05, 20, log=True),
        "iterations": Int(10, 80, log=True),
        "negatives": Int(5, 100, log=True),
    }
    starts = ({"factors": 16, "iterations": 20},)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Sixty negatives for every pair, from both sides, every iteration; and scoring every user."""
        wide = shape["users"] + shape["items"]
        seconds = 40 * 8e-8 * shape["interactions"]
        return 0.05 + seconds + 6e-9 * shape["users"] * shape["items"], 8.0 * 32 * wide + 24.0 * shape["interactions"]

    def fit(self, train: Interactions, context: Context) -> None:
        """Ascend, from a seeded start."""
        from implicit.cpu.lmf import LogisticMatrixFactorization

        solver = LogisticMatrixFactorization(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            neg_prop=self.negatives,
            num_threads=1,
            random_state=context.seed,
        )
        with one_blas_thread():
            solver.fit(own_copy(train.matrix), show_progress=False)
        self.user_factors_ = np.array(solver.user_factors, dtype=np.float32)
        self.item_factors_ = np.array(solver.item_factors, dtype=np.float32)

    def score(self, users: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[n, n_items]."""
        return self.user_factors_[users] @ self.item_factors_.T
