"""BPR: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009, by `implicit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.space import Float, Int
from workbench_recommend.solvers import SampledFactors


class BPR(SampledFactors):
    """Factors that rank what was taken above what was not, by stochastic gradient descent on pairs.

    A pair is there or not: weights of interactions are ignored.
    """

    factors: int = 64
    learning_rate: float = 0.005
    regularization: float = 0.06
    iterations: int = 200

    space = {
        "factors": Int(8, 192, log=True),
        "learning_rate": Float(0.002, 0.2, log=True),
        "regularization": Float(1e-3, 0.3, log=True),
        "iterations": Int(30, 400, log=True),
    }
    starts = ({"factors": 16, "regularization": 0.01, "iterations": 50},)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """A pass over the pairs for every iteration, and scoring every user."""
        wide = shape["users"] + shape["items"]
        seconds = 200 * 1.3e-7 * shape["interactions"]
        return 0.05 + seconds + 6e-9 * shape["users"] * shape["items"], 4.0 * 64 * wide + 24.0 * shape["interactions"]

    def solver(self, seed: int) -> Any:
        """By `implicit`."""
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        return BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            num_threads=1,
            random_state=seed,
        )
