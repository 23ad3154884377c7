"""Popularity that fades."""

import numpy as np

from workbench import Context, Model
from workbench.data.interactions import Interactions
from workbench.space import Float


class Recent(Model):
    half_life_days: float = 30.0
    space = {"half_life_days": Float(1, 3650, log=True)}
    needs = {"timestamps"}

    def fit(self, train: Interactions, context: Context) -> None:
        age = (train.timestamps.max() - train.timestamps) / 86_400
        self.scores_ = np.bincount(train.items, 0.5 ** (age / self.half_life_days), minlength=train.n_items)

    def score(self, users: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.scores_, (len(users), len(self.scores_)))
