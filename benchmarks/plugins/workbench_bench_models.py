"""See `workbench_bench`."""

import time

import numpy as np

from workbench.space import Float
from workbench_recommend.als import ALS
from workbench_recommend.ease import EASE


class TwinA(ALS):
    """Starts from chance, so that two of the kind differ as two draws of one model do."""

    space = {}
    starts = ()


class TwinB(TwinA):
    """The same by another name, from another chance."""


class SameA(EASE):
    """Nothing in it is left to chance."""

    space = {}
    starts = ()


class SameB(SameA):
    """The same by another name."""


class Worse(SameA):
    """EASE with noise on its weights: about 0.02 ndcg@10 less on protocol A's test part."""

    noise: float = 0.005

    def fit(self, train, context):
        super().fit(train, context)
        shape = (train.n_items, train.n_items)
        self.noise_ = np.float32(self.noise) * context.rng.standard_normal(shape, dtype=np.float32)

    def score_histories(self, histories):
        return super().score_histories(histories) + histories @ self.noise_


class Steady(ALS):
    """Every setting does the same work, so that the time of a trial does not hang on what was drawn."""

    iterations: int = 25
    x: float = 0.5
    space = {"x": Float(0, 1)}
    starts = ()


class Hangs(EASE):
    """Like EASE, but about every third setting sleeps for ever and shuts its ears to the end."""

    x: float = 0.5
    space = {"x": Float(0, 1)}

    def fit(self, train, context):
        if context.seed % 3 == 0 and context.valid is not None:
            import signal

            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(1)
        super().fit(train, context)
