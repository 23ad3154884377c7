"""Writes into what is derived from the training data."""

import numpy as np
from museum_good.model import Good


class MutatesIndices(Good):
    """By its arrays."""

    def fit(self, train, context):
        train.matrix.indices[:] = 0
        super().fit(train, context)


class MutatesMatrix(Good):
    """By replacing them."""

    def fit(self, train, context):
        train.matrix.data = np.zeros_like(train.matrix.data)
        super().fit(train, context)


class MutatesPopularity(Good):
    """What others take for the truth."""

    def fit(self, train, context):
        train.popularity[:] = 0
        super().fit(train, context)
