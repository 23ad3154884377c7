"""Writes into the training data."""

from museum_good.model import Good


class MutatesRows(Good):
    def fit(self, train, context):
        train.items[:] = 0
        super().fit(train, context)
