"""The models, each for classes and for numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench import Context
from workbench.blocks.estimators import Estimator
from workbench.space import Choice, Float, Int
from workbench_tabular.task import Rows


class Columnwise(Estimator):
    """An estimator on float64[n, numbers + categories]: the numbers, then the categories, NaN where missing."""

    def features(self, examples: Rows) -> Any:
        return np.hstack([examples.numbers, np.where(examples.categories < 0, np.nan, examples.categories)])


class Constant(Columnwise):
    def estimator(self, train: Rows, context: Context) -> Any:
        from sklearn.dummy import DummyClassifier, DummyRegressor

        return DummyClassifier(strategy="prior") if train.n_classes else DummyRegressor()


class Linear(Columnwise):
    l2: float = 1.0
    space = {"l2": Float(1e-3, 1e3, log=True)}

    def fit(self, train: Rows, context: Context) -> None:
        self.gaps_ = np.isnan(train.numbers).any(axis=0)
        self.medians_ = np.ma.median(np.ma.masked_invalid(train.numbers), axis=0).filled(0.0)
        super().fit(train, context)

    def features(self, examples: Rows) -> Any:
        filled = np.where(np.isnan(examples.numbers), self.medians_, examples.numbers)
        return np.hstack([filled, np.isnan(examples.numbers[:, self.gaps_]), examples.categories])

    def estimator(self, train: Rows, context: Context) -> Any:
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        n, one_hot = len(self.gaps_) + self.gaps_.sum(), OneHotEncoder(handle_unknown="ignore")
        kinds = (StandardScaler(), range(n)), (one_hot, range(n, n + train.categories.shape[1]))
        columns = make_column_transformer(*((step, list(where)) for step, where in kinds if where))
        last = LogisticRegression(C=1 / self.l2, max_iter=1000) if train.n_classes else Ridge(alpha=self.l2)
        return make_pipeline(columns, last)


class Forest(Columnwise):
    kind: str = "RandomForest"
    features_share: float = 0.4
    least_in_leaf: int = 1

    space = {
        "kind": Choice("RandomForest", "ExtraTrees"),
        "features_share": Float(0.05, 1, log=True),
        "least_in_leaf": Int(1, 20, log=True),
    }

    def estimator(self, train: Rows, context: Context) -> Any:
        from sklearn import ensemble

        make = getattr(ensemble, self.kind + ("Classifier" if train.n_classes else "Regressor"))
        common = {"n_jobs": context.threads, "random_state": context.seed}
        return make(n_estimators=100, max_features=self.features_share, min_samples_leaf=self.least_in_leaf, **common)


class LightGBM(Columnwise):
    trees: int = 100
    learning_rate: float = 0.1
    leaves: int = 31
    least_in_leaf: int = 20
    features_share: float = 1.0

    space = {
        "trees": Int(20, 500, log=True),
        "learning_rate": Float(0.01, 0.3, log=True),
        "leaves": Int(4, 128, log=True),
        "least_in_leaf": Int(1, 50, log=True),
        "features_share": Float(0.2, 1),
    }

    def estimator(self, train: Rows, context: Context) -> Any:
        from lightgbm import LGBMClassifier, LGBMRegressor

        make = LGBMClassifier if train.n_classes else LGBMRegressor
        size = {"n_estimators": self.trees, "num_leaves": self.leaves, "min_child_samples": self.least_in_leaf}
        steps = {"learning_rate": self.learning_rate, "colsample_bytree": self.features_share}
        common = {"n_jobs": context.threads, "random_state": context.seed, "deterministic": True, "verbose": -1}
        return make(**size, **steps, **common)
