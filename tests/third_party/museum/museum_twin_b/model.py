"""The opposite of popularity."""

from museum_good.model import Good


class Twin(Good):
    """Upside down."""

    def fit(self, train, context):
        super().fit(train, context)
        self.scores_ = -self.scores_
