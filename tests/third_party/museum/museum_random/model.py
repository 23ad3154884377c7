"""Gives something else each time."""

import numpy as np
from museum_good.model import Good


class Random(Good):
    def fit(self, train, context):
        super().fit(train, context)
        self.scores_ = self.scores_ + np.random.default_rng().random(len(self.scores_), dtype=np.float32)
