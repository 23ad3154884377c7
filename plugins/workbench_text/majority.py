"""The baseline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workbench import Context, Model
from workbench_text.task import Texts


class Majority(Model):
    """Every text has the classes' shares of train as its probabilities."""

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Next to nothing."""
        return 0.01, 8.0 * shape["classes"]

    def fit(self, train: Texts, context: Context) -> None:
        """Count."""
        self.shares_ = np.bincount(train.target, minlength=train.n_classes) / len(train)

    def predict_proba(self, examples: Texts) -> NDArray[np.float64]:
        """float64[n, n_classes]."""
        return np.tile(self.shares_, (len(examples), 1))
