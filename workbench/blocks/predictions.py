"""What models predict, checked; and models made of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.contract.model import Model
from workbench.data.examples import Examples
from workbench.errors import ModelError
from workbench.metrics.calibration import at_temperature

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROBABILITIES, NUMBERS = "probabilities", "numbers"


@dataclass(frozen=True)
class Together:
    """Fitted models that answer by the weighted mean of what each of them predicts."""

    models: tuple[Model, ...]
    weights: tuple[int, ...]

    def predict_proba(self, examples: Examples) -> NDArray[np.float32]:
        """float32[n, n_classes]."""
        return self._mean(examples, PROBABILITIES)

    def predict(self, examples: Examples) -> NDArray[np.float64]:
        """float64[n]."""
        return self._mean(examples, NUMBERS)

    def _mean(self, examples: Examples, name: str) -> NDArray[Any]:
        own = [predicted(model, examples, examples.n_classes)[name] for model in self.models]
        return weighted_mean(np.stack(own), self.weights)


@dataclass(frozen=True)
class Calibrated:
    """A model whose probabilities are brought to a temperature."""

    model: Any
    temperature: float

    def predict_proba(self, examples: Examples) -> NDArray[np.float32]:
        """float32[n, n_classes]."""
        return at_temperature(predicted(self.model, examples, examples.n_classes)[PROBABILITIES], self.temperature)


def predicted(model: Any, examples: Examples, n_classes: int) -> dict[str, NDArray[Any]]:
    """What a fitted model predicts, checked: `probabilities`, float32[n, n_classes], or `numbers`, float64[n].

    Raises:
        ModelError: it is of another shape, not finite, or no distribution.
    """
    who, n = type(model).__name__, len(examples)
    method, shape = ("predict_proba", (n, n_classes)) if n_classes else ("predict", (n,))
    if not callable(getattr(model, method, None)):
        raise ModelError(f"{who} does not define {method}(examples), which this data needs")
    raw = getattr(model, method)(examples) if n else np.empty(shape)  # estimators refuse tables without rows
    if getattr(raw, "shape", None) != shape:
        given = getattr(raw, "shape", type(raw).__name__)
        raise ModelError(f"{who}.{method} gives an array of shape {given}; {shape} is needed")
    try:
        found: NDArray[Any] = np.asarray(raw, dtype=np.float32 if n_classes else np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{who}.{method} gives what are no numbers: {error}") from error
    if not np.isfinite(found).all():
        raise ModelError(f"{who}.{method} gives values that are not finite")
    if not n_classes:
        return {NUMBERS: found}
    if (found < 0).any() or (np.abs(found.sum(axis=1) - 1) > 1e-3).any():
        raise ModelError(f"{who}.{method} gives rows that are no distributions: each must add up to 1, none below 0")
    return {PROBABILITIES: found}


def weighted_mean(stacked: NDArray[Any], weights: Sequence[int]) -> NDArray[Any]:
    """The weighted mean over the first axis, in the type of the values."""
    return np.asarray(np.tensordot(np.divide(weights, sum(weights)), stacked, axes=1), dtype=stacked.dtype)
