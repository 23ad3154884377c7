"""Classifiers on what a network that others have trained makes of examples, which stays as it is.

This module imports torch only where it is called; the modules of models that derive from it may import it at their top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.blocks.networks import Network
from workbench.contract.context import Context
from workbench.data.examples import Examples, digests
from workbench.space import Float

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Frozen(Network):
    """Logistic regression on features that a frozen network finds, once in a run for each distinct example.

    A subclass defines `contents` and `features`; its `fit` sets `module_`, by `start` or otherwise, and calls `learn`.
    """

    l2: float = 0.1

    space = {"l2": Float(1e-3, 100, log=True)}
    needs = {"classes", "pretrained"}

    @classmethod
    def warm_up(cls) -> None:
        """Import torch and scikit-learn."""
        super().warm_up()
        import sklearn.linear_model
        import sklearn.pipeline  # noqa: F401

    def contents(self, examples: Any) -> Iterable[bytes]:
        """What the features of each example depend on, in the order of the examples."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its features depend on")

    def features(self, examples: Any, rows: Sequence[int]) -> NDArray[np.float32]:
        """float32[rows, d]: what `module_` makes of these rows of a part, none included."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its features are")

    def learn(self, train: Examples, context: Context, key: str) -> None:
        """Fit the classifier.

        Args:
            train: the part to fit on.
            context: of the fit.
            key: names all that the features depend on besides their example.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self._found: list[tuple[Any, NDArray[np.float32]]] = []
        for part in [train] if context.valid is None else [context.valid, train]:
            names = digests(self.contents(part))
            found = context.shared_rows(key, names, partial(self.features, part))
            self._found.append((part, found))
        head = LogisticRegression(C=1 / (self.l2 * found.shape[1]), max_iter=500)
        self.estimator_ = make_pipeline(StandardScaler(), head).fit(found, train.target)
        self.n_classes_, self.classes_ = train.n_classes, np.unique(train.target)

    def predict_proba(self, examples: Examples) -> NDArray[np.float64]:
        """float64[n, n_classes]; a class that the fit has not met is given 0."""
        known = [found for part, found in vars(self).get("_found", ()) if part is examples]
        features = known[0] if known else self.features(examples, range(len(examples)))
        probabilities = np.zeros((len(examples), self.n_classes_))
        probabilities[:, self.classes_] = self.estimator_.predict_proba(features)
        return probabilities
