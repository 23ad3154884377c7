"""Logistic matrix factorisation: Johnson, "Logistic Matrix Factorization for Implicit Feedback Data", 2014, by
`implicit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.space import Float, Int
from workbench_recommend.solvers import SampledFactors


class LMF(SampledFactors):
    """Factors of the log-odds that a user takes an item, by alternating gradient ascent with sampled negatives."""

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

    def solver(self, seed: int) -> Any:
        """By `implicit`."""
        from implicit.cpu.lmf import LogisticMatrixFactorization

        return LogisticMatrixFactorization(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            neg_prop=self.negatives,
            num_threads=1,
            random_state=seed,
        )
