"""Models that are scikit-learn estimators, or speak like them, for tasks of `workbench.blocks.supervised`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.contract.context import Context
from workbench.contract.model import Model
from workbench.data.examples import Examples

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Majority(Model):
    """The shares of the classes in train as the probabilities of every example: the baseline of such a task."""

    shares_: NDArray[np.float64]

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Next to nothing."""
        return 0.001, 8.0 * shape["classes"]

    def fit(self, train: Examples, context: Context) -> None:
        """Count."""
        self.shares_ = np.bincount(train.target, minlength=train.n_classes) / len(train)

    def predict_proba(self, examples: Examples) -> NDArray[np.float64]:
        """float64[n, n_classes]."""
        return np.tile(self.shares_, (len(examples), 1))


class Estimator(Model):
    """Fits what `estimator` makes on what `features` gives. Stored by skops, so of types that scikit-learn vouches for.

    class Ridge(Estimator):
        alpha: float = 1.0

        def features(self, examples):
            return examples.numbers

        def estimator(self, train, context):
            return sklearn.linear_model.Ridge(alpha=self.alpha)
    """

    estimator_: Any
    classes_: NDArray[np.int32] | None
    n_classes_: int

    @classmethod
    def warm_up(cls) -> None:
        """Import scikit-learn."""
        import sklearn.linear_model  # noqa: F401 - of its modules the one that most others come with

    def estimator(self, train: Any, context: Context) -> Any:
        """An unfitted estimator: a classifier where `train.n_classes` is above 0, else a regressor."""
        raise NotImplementedError(f"{type(self).__name__} does not say which estimator it fits")

    def features(self, examples: Any) -> Any:
        """What the estimator is given for these examples: a dense or sparse matrix with a row each."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its features are")

    def fit(self, train: Any, context: Context) -> None:
        """Fit, and remember which classes were met."""
        self.estimator_ = self.estimator(train, context).fit(self.features(train), train.target)
        self.n_classes_ = train.n_classes
        self.classes_ = np.unique(train.target) if train.n_classes else None

    def predict_proba(self, examples: Examples) -> NDArray[np.float64]:
        """float64[n, n_classes]; a class that the fit has not met is given 0."""
        assert self.classes_ is not None
        probabilities = np.zeros((len(examples), self.n_classes_))
        probabilities[:, self.classes_] = self.estimator_.predict_proba(self.features(examples))
        return probabilities

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """float64[n]."""
        return np.asarray(self.estimator_.predict(self.features(examples)), dtype=np.float64)
