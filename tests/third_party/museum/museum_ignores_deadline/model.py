"""Goes on after its deadline."""

import time

from museum_good.model import Good


class IgnoresDeadline(Good):
    def fit(self, train, context):
        super().fit(train, context)
        if context.deadline is not None:
            time.sleep(max(0.0, context.deadline - time.monotonic()) + 10)
