"""Writes into what is derived from the training data, and kept for the next model."""

from museum_good.model import Good


class MutatesIndices(Good):
    """The arrays of its matrix."""

    def fit(self, train, context):
        train.matrix.indices[:] = 0
        super().fit(train, context)


class MutatesPopularity(Good):
    """What others are measured by."""

    def fit(self, train, context):
        train.popularity[:] = 0
        super().fit(train, context)
