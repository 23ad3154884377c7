"""Cornac's BPR (Rendle et al. 2009): fitted there, stored and answered here."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workbench import Context, Model
from workbench.data.interactions import Interactions
from workbench.space import Choice, Float, Int


class CornacBPR(Model):
    """Scores are inner products of users' and items' factors, plus items' biases.

    The arrays are kept and Cornac's own object is not: that could only be stored by pickle. So a fitted model also
    answers where Cornac is not installed.
    """

    factors: int = 32
    epochs: int = 100
    learning_rate: float = 0.05
    l2: float = 0.01

    space = {
        "factors": Int(8, 128, log=True),
        "epochs": Choice(50, 100, 200, 400),
        "learning_rate": Float(0.005, 0.2, log=True),
        "l2": Float(1e-4, 0.1, log=True),
    }

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """A pass over the interactions for each epoch."""
        return 0.5 + 2e-7 * cls.epochs * shape["interactions"], 4.0 * cls.factors * (shape["users"] + shape["items"])

    def fit(self, train: Interactions, context: Context) -> None:
        """On one thread: with several, Cornac's result depends on their order."""
        from cornac.data import Dataset
        from cornac.models import BPR

        users, items = (dict(zip(range(n), range(n), strict=True)) for n in (train.n_users, train.n_items))
        ones = np.ones(len(train), dtype=np.float32)
        triples = np.asarray(train.users), np.asarray(train.items), ones
        data = Dataset(train.n_users, train.n_items, users, items, triples, seed=context.seed)
        model = BPR(
            k=self.factors,
            max_iter=self.epochs,
            learning_rate=self.learning_rate,
            lambda_reg=self.l2,
            num_threads=1,
            seed=context.seed,
        )
        model.fit(data)
        self.users_, self.items_, self.biases_ = model.u_factors, model.i_factors, model.i_biases

    def score(self, users: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[n, n_items]."""
        return self.users_[users] @ self.items_.T + self.biases_
