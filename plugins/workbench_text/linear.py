"""Models that are linear in TF-IDF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from workbench import Context
from workbench.space import Choice, Float
from workbench_text.task import Texts
from workbench_text.tfidf import BOTH, GRAMS, Weighted

FOLDS = 3
"""In which scores are made for texts that they were not fitted on, to scale them by."""


class Linear(Weighted):
    """The base: softmax of scores x · weights + offsets.

    Scores that are no log-odds are scaled by one number, under which other folds of train are likeliest ("temperature
    scaling", Guo et al. 2017): which class is the largest stays as it was.
    """

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """As n-grams cost."""
        return cls.cost(shape)

    @classmethod
    def warm_up(cls) -> None:
        """Import scikit-learn."""
        import sklearn.linear_model
        import sklearn.svm  # noqa: F401

    def fit(self, train: Texts, context: Context) -> None:
        """Weights of each class."""
        features = self.learn_grams(train, context)
        self.met_, target = np.unique(train.target, return_inverse=True)
        self.n_classes_ = train.n_classes
        weights, offsets = self.scored(features, target, len(self.met_))
        scale = self.scale(features, target)
        self.weights_, self.offsets_ = (scale * weights).astype(np.float32), (scale * offsets).astype(np.float32)

    def scored(
        self, features: sp.csr_array, target: NDArray[np.int64], n_classes: int
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """([n_features, n_classes] weights, [n_classes] offsets) of scores; every class is in the target."""
        raise NotImplementedError(f"{type(self).__name__} does not say how scores are made")

    def scale(self, features: sp.csr_array, target: NDArray[np.int64]) -> float:
        """What scores are multiplied by."""
        return temperature(self.scored, features, target)

    def predict_proba(self, examples: Texts) -> NDArray[np.float32]:
        """float32[n, n_classes]; a class that the fit has not met is given 0."""
        probabilities = np.zeros((len(examples), self.n_classes_), dtype=np.float32)
        probabilities[:, self.met_] = softmax(self.weigh(examples) @ self.weights_ + self.offsets_)
        return probabilities


class ComplementNB(Linear):
    """Complement naive Bayes: Rennie et al., "Tackling the poor assumptions of naive Bayes text classifiers", 2003."""

    smoothing: float = 0.5

    space = {**GRAMS, "smoothing": Float(0.02, 3, log=True)}
    starts = ({"grams": BOTH, "characters": 5, "smoothing": 0.2},)

    @classmethod
    def warm_up(cls) -> None:
        """Do without scikit-learn, whose import takes longer than a fit."""

    def scored(
        self, features: sp.csr_array, target: NDArray[np.int64], n_classes: int
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Minus the log of how frequent an n-gram is in all classes but this one."""
        sums = _sums(features, target, n_classes)
        others = sums.sum(axis=1, keepdims=True) - sums + self.smoothing
        return np.log(others.sum(axis=0)) - np.log(others), np.zeros(n_classes)


class LinearSVM(Linear):
    """One linear support vector machine a class, by dual coordinate descent (Hsieh et al. 2008)."""

    c: float = 0.5
    balanced: bool = False

    space = {**GRAMS, "c": Float(0.02, 5, log=True), "balanced": Choice(False, True)}
    starts = ({"grams": BOTH, "characters": 5, "c": 0.2},)

    def scored(
        self, features: sp.csr_array, target: NDArray[np.int64], n_classes: int
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Signed distances; of two classes those of the second, halved."""
        from sklearn.svm import LinearSVC

        weight = "balanced" if self.balanced else None
        machine = LinearSVC(C=self.c, class_weight=weight, random_state=0, tol=1e-3).fit(features, target)
        if n_classes == 2:
            return _of_both(machine.coef_[0], machine.intercept_[0])
        return machine.coef_.T, machine.intercept_


class Logistic(Linear):
    """Logistic regression of each class against the rest."""

    c: float = 10.0
    balanced: bool = False

    space = {**GRAMS, "c": Float(0.1, 100, log=True), "balanced": Choice(False, True)}
    starts = ({"grams": BOTH, "characters": 5},)

    def scored(
        self, features: sp.csr_array, target: NDArray[np.int64], n_classes: int
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Log-odds."""
        return regress(features, target, n_classes, self.c, self.balanced)

    def scale(self, features: sp.csr_array, target: NDArray[np.int64]) -> float:
        """Log-odds of two classes need none."""
        return 1.0 if target.max() == 1 else super().scale(features, target)


class NBLogistic(Linear):
    """Logistic regression on n-grams that are weighted by their log-count ratios, for each class against the rest.

    Wang and Manning, "Baselines and bigrams: simple, good sentiment and topic classification", ACL 2012; TF-IDF in
    place of presence.
    """

    c: float = 10.0
    smoothing: float = 1.0

    space = {**GRAMS, "c": Float(0.1, 100, log=True), "smoothing": Float(0.05, 3, log=True)}
    starts = ({"grams": BOTH, "characters": 5},)

    def scored(
        self, features: sp.csr_array, target: NDArray[np.int64], n_classes: int
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Log-odds."""
        sums = _sums(features, target, n_classes)
        own, rest = sums + self.smoothing, sums.sum(axis=1, keepdims=True) - sums + self.smoothing
        ratios = np.log(own / own.sum(axis=0)) - np.log(rest / rest.sum(axis=0))
        return regress(features, target, n_classes, self.c, ratios=ratios)

    def scale(self, features: sp.csr_array, target: NDArray[np.int64]) -> float:
        """Log-odds of two classes need none."""
        return 1.0 if target.max() == 1 else super().scale(features, target)


def softmax(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """Rows that add up to 1."""
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def temperature(
    fit: Callable[[Any, NDArray[np.int64], int], tuple[NDArray[Any], NDArray[Any]]],
    features: sp.csr_array,
    target: NDArray[np.int64],
) -> float:
    """The factor of scores under which held-out classes are likeliest; 1 where classes are too few to hold any out."""
    from scipy.optimize import minimize_scalar

    n_classes = int(target.max()) + 1
    order = np.argsort(target, kind="stable")  # so that every fold has its share of each class
    fold = np.empty(len(target), dtype=np.int64)
    fold[order] = np.arange(len(target)) % FOLDS
    scores = np.empty((len(target), n_classes))
    for number in range(FOLDS):
        held = fold == number
        if len(np.unique(target[~held])) < n_classes or not held.any():
            return 1.0
        weights, offsets = fit(features[~held], target[~held], n_classes)
        scores[held] = features[held] @ weights + offsets

    def loss(log_factor: float) -> float:
        own = softmax(np.exp(log_factor) * scores)[np.arange(len(target)), target]
        return -float(np.log(np.maximum(own, 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))


def regress(
    features: sp.csr_array,
    target: NDArray[np.int64],
    n_classes: int,
    c: float,
    balanced: bool = False,
    ratios: NDArray[np.floating] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logistic regression of each class against the rest, by dual coordinate descent (Yu, Huang and Lin 2011).

    Args:
        features: [n, n_features].
        target: int[n].
        n_classes: of which all are in the target. Of two the second alone is fitted.
        c: how much the data counts against the squared weights.
        balanced: whether a class and the rest count alike.
        ratios: [n_features, n_classes]: each class's weights are of features that are multiplied by these.

    Returns:
        ([n_features, n_classes] weights of the features as they are, [n_classes] offsets): log-odds, of two classes
        such that softmax gives the probabilities.
    """
    from sklearn.linear_model import LogisticRegression

    weights, offsets = np.zeros((features.shape[1], n_classes)), np.zeros(n_classes)
    for number in range(1 if n_classes == 2 else 0, n_classes):
        ratio = np.ones(features.shape[1]) if ratios is None else ratios[:, number]
        values = features.data * ratio[features.indices]
        scaled = sp.csr_array((values, features.indices, features.indptr), shape=features.shape)
        model = LogisticRegression(
            C=c, class_weight="balanced" if balanced else None, solver="liblinear", dual=True, tol=1e-2, random_state=0
        ).fit(scaled, target == number)
        weights[:, number], offsets[number] = ratio * model.coef_[0], model.intercept_[0]
    return _of_both(weights[:, 1], offsets[1]) if n_classes == 2 else (weights, offsets)


def _of_both(weights: NDArray[np.float64], offset: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of two classes that differ by that of the second."""
    return np.column_stack([-weights, weights]) / 2, np.array([-offset, offset]) / 2


def _sums(features: sp.csr_array, target: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """[n_features, n_classes]: the features of each class added up."""
    rows = np.arange(len(target))
    classes = sp.csr_array((np.ones(len(target)), (rows, target)), shape=(len(target), n_classes))
    return np.asarray((features.T @ classes).toarray(), dtype=np.float64)
