"""The models that need no neural network: scikit-learn and LightGBM on what `workbench_image.features` sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import Context
from workbench.blocks.estimators import Estimator
from workbench.space import Choice, Float, Int, When
from workbench_image import features
from workbench_image.task import Images

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_COMPONENTS = 256
"""Of the principal components, which are found once for all trials of a run that see images alike."""


class Projected(Estimator):
    """An estimator on the first principal components of what is seen of images: `pixels` or `gradients`."""

    sees: str = "gradients"
    components: int = 80
    deskew: bool = False
    cells: int = 7

    space = {
        "sees": Choice("pixels", "gradients"),
        "components": Int(8, MOST_COMPONENTS, log=True),
        "deskew": Choice(False, True),
    }

    def fit(self, train: Images, context: Context) -> None:
        """As any estimator; principal components are found once for all trials that see images alike."""
        key = f"components of {self.sees}, deskew={self.deskew}, cells={self.cells}"
        found = context.shared(key, lambda: principal(self.seen(train.pixels)))
        kept = slice(self.components)
        self.mean_, self.axes_ = np.array(found["mean"]), np.array(found["axes"][kept])
        self.estimator_ = self.estimator(train, context).fit(np.array(found["projected"][:, kept]), train.target)
        self.n_classes_, self.classes_ = train.n_classes, np.unique(train.target)

    def features(self, examples: Images) -> NDArray[np.float32]:
        return np.asarray((self.seen(examples.pixels) - self.mean_) @ self.axes_.T)

    def seen(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """float32[n, d]."""
        if self.sees == "pixels":
            return features.pixels(images, self.deskew)
        return features.gradients(images, self.deskew, self.cells)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        n, area = shape["examples"], shape["height"] * shape["width"] * shape["channels"]
        seen = 4.0 * n * min(area, 3072)
        return 0.1 + 1e-7 * n * area, 2e7 + 3 * seen


def principal(seen: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """`mean` [d], `axes` [k, d], `projected` [n, k], of which each column has at most the spread of the one before.

    k is at most `MOST_COMPONENTS`. Axes are found on 5,000 rows at most, by randomised iteration.
    """
    from sklearn.decomposition import PCA

    rows = np.random.default_rng(0).permutation(len(seen))[:5000]
    k = min(MOST_COMPONENTS, len(rows) - 1, seen.shape[1])
    found = PCA(k, svd_solver="auto", random_state=0).fit(seen[np.sort(rows)])
    mean, axes = found.mean_.astype(np.float32), found.components_.astype(np.float32)
    return {"mean": mean, "axes": axes, "projected": (seen - mean) @ axes.T}


class Neighbours(Projected):
    """The most similar images vote."""

    sees: str = "pixels"
    components: int = 40
    neighbours: int = 4

    space = {
        **Projected.space,
        "neighbours": Int(1, 30, log=True),
    }
    starts = ({"sees": "gradients", "deskew": True},)

    def estimator(self, train: Images, context: Context) -> Any:
        from sklearn.neighbors import KNeighborsClassifier

        # By brute force, since trees are of types that are not stored.
        few = min(self.neighbours, len(train))
        return KNeighborsClassifier(few, weights="distance", algorithm="brute", n_jobs=context.threads)


class Support(Projected):
    """Support vector machines, linear or with a radial kernel; probabilities by Platt's sigmoids on three folds."""

    kernel: str = "rbf"
    penalty: float = 10.0
    reach: float = 1.0

    space = {
        **Projected.space,
        "kernel": Choice("rbf", "linear"),
        "penalty": Float(0.01, 100, log=True),
        **When("kernel", "rbf", {"reach": Float(0.1, 10, log=True)}),
    }
    starts = ({"deskew": True}, {"sees": "pixels", "components": 40})

    def estimator(self, train: Images, context: Context) -> Any:
        """`reach` is how far a kernel of "scale" reaches, which suits the spread of the data."""
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import Normalizer
        from sklearn.svm import SVC

        machine = SVC(C=self.penalty, kernel=self.kernel, gamma=self.reach, random_state=context.seed)
        fewest = int(np.bincount(train.target, minlength=1)[np.unique(train.target)].min())
        unit = Normalizer()  # distances are then of one scale, whatever is seen
        return CalibratedClassifierCV(make_pipeline(unit, machine), cv=min(3, max(2, fewest)), ensemble=False)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        seconds, size = super().estimate(shape)
        return seconds + 1e-7 * shape["examples"] ** 2 * min(4, shape["classes"]), size


class Gradients(Projected):
    """Logistic regression on histograms of gradients and of colours."""

    components: int = 200
    l2: float = 0.01

    space = {
        "cells": Int(4, 12),
        "components": Int(16, MOST_COMPONENTS, log=True),
        "deskew": Choice(False, True),
        "l2": Float(1e-4, 10, log=True),
    }
    starts = ({"deskew": True},)

    def estimator(self, train: Images, context: Context) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=1 / self.l2, max_iter=300)


class LightGBM(Projected):
    """Gradient-boosted trees."""

    components: int = 60
    trees: int = 80
    learning_rate: float = 0.1
    leaves: int = 15
    least_in_leaf: int = 10
    features_share: float = 0.3

    space = {
        **Projected.space,
        "trees": Int(20, 300, log=True),
        "learning_rate": Float(0.02, 0.3, log=True),
        "leaves": Int(4, 64, log=True),
        "least_in_leaf": Int(1, 50, log=True),
        "features_share": Float(0.1, 1, log=True),
    }

    def estimator(self, train: Images, context: Context) -> Any:
        from lightgbm import LGBMClassifier

        return LGBMClassifier(
            n_estimators=self.trees,
            num_leaves=self.leaves,
            min_child_samples=self.least_in_leaf,
            learning_rate=self.learning_rate,
            colsample_bytree=self.features_share,
            n_jobs=context.threads,
            random_state=context.seed,
            deterministic=True,
            verbose=-1,
        )

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        seconds, size = super().estimate(shape)
        return seconds + 5e-5 * shape["examples"] * shape["classes"], size
