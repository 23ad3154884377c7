"""Boosted trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from workbench import Context
from workbench.space import Float, Int
from workbench_text.task import Texts
from workbench_text.tfidf import BOTH, GRAMS, Weighted

MOST_FEATURES = 20_000
"""The n-grams that are in most texts; the singular vectors of more would fill the database."""


class LightGBM(Weighted):
    """Gradient-boosted trees on the singular vectors of TF-IDF (latent semantic analysis)."""

    grams: str = BOTH
    least: int = 2
    vectors: int = 64
    trees: int = 100
    learning_rate: float = 0.1
    leaves: int = 7

    space = {
        **GRAMS,
        "vectors": Int(30, 300, log=True),
        "trees": Int(50, 400, log=True),
        "learning_rate": Float(0.02, 0.3, log=True),
        "leaves": Int(4, 64, log=True),
    }

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Singular vectors, then trees of every class."""
        seconds, memory = cls.cost(shape)
        trees = 2e-4 * shape["examples"] * (shape["classes"] if shape["classes"] > 2 else 1)
        return seconds + 1 + 2e-6 * shape["characters"] + trees, memory + 2e8

    @classmethod
    def warm_up(cls) -> None:
        """Import LightGBM and what it imports."""
        import lightgbm  # noqa: F401
        import sklearn.utils.extmath  # noqa: F401

    def fit(self, train: Texts, context: Context) -> None:
        """The singular vectors by a randomised method (Halko et al. 2011), then one tree after the other."""
        import lightgbm
        from sklearn.utils.extmath import randomized_svd

        features = self.learn_grams(train, context)
        texts = np.bincount(features.indices, minlength=features.shape[1])
        self.chosen_ = np.sort(np.argsort(-texts, kind="stable")[:MOST_FEATURES])
        chosen = features[:, self.chosen_]
        size = min(self.vectors, *chosen.shape)
        *_, right = randomized_svd(chosen, size, n_iter=3, random_state=context.seed)
        self.vectors_ = np.ascontiguousarray(right.T, dtype=np.float32)
        self.n_classes_ = train.n_classes
        self.met_, target = np.unique(train.target, return_inverse=True)
        many = len(self.met_) > 2
        params = {
            "objective": "multiclass" if many else "binary",
            "num_class": len(self.met_) if many else 1,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "num_threads": context.threads,
            "seed": context.seed,
            "deterministic": True,
            "verbose": -1,
        }
        data = lightgbm.Dataset(self._projected(chosen), target)
        self.booster_ = lightgbm.train(params, data, num_boost_round=self.trees)

    def predict_proba(self, examples: Texts) -> NDArray[np.float64]:
        """float64[n, n_classes]; a class that the fit has not met is given 0."""
        given: Any = self.booster_.predict(self._projected(self.weigh(examples)[:, self.chosen_]))
        probabilities = np.zeros((len(examples), self.n_classes_))
        probabilities[:, self.met_] = given if given.ndim == 2 else np.column_stack([1 - given, given])
        return probabilities

    def _projected(self, chosen: sp.csr_array) -> NDArray[np.float32]:
        return np.asarray(chosen @ self.vectors_)
