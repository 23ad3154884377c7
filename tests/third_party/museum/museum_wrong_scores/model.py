"""Gives text where scores are needed."""

from museum_good.model import Good


class WrongScores(Good):
    def fit(self, train, context):
        super().fit(train, context)
        return "fitted"

    def score(self, users):
        return "the best items"
