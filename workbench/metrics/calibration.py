"""Probabilities that are as sure as they are right: temperature scaling.

Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017: one number, found on held-out
examples, that probabilities are made flatter or steeper by. Which class is the largest stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.metrics.classification import LEAST

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_EXAMPLES = 5_000
"""On so many one number is found well enough."""

LARGEST = 20.0
"""Temperatures are at most this, and at least one over this."""

HALVINGS = 12
"""Of what is left between the two: the temperature is then known to two in a thousand."""


def temperature(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> float:
    """The temperature under which the right classes are likeliest: above 1 where the probabilities are too sure.

    Its logarithm has a normal prior of deviation 1, so that no mistakes among few examples do not make it extreme.

    Args:
        probabilities: [n, n_classes], rows that add up to 1.
        truth: int[n], the right classes; n is 1 or more.
    """
    rows = np.linspace(0, len(truth) - 1, min(len(truth), MOST_EXAMPLES)).astype(np.int64)
    logs = _logs(probabilities[rows])
    own = float(logs[np.arange(len(rows)), truth[rows]].sum())
    low, high = -np.log(LARGEST), np.log(LARGEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        sureness = np.exp(-middle)
        # By how much the loss, minus the log of the likelihood and the prior, grows with the log of the temperature.
        slope = middle + sureness * (own - float((_softmax(sureness * logs) * logs).sum()))
        low, high = (low, middle) if slope > 0 else (middle, high)
    return float(np.exp((low + high) / 2))


def at_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """float32[n, n_classes]: softmax(ln p / temperature), where no p counts as less than `LEAST`.

    Args:
        probabilities: [n, n_classes], rows that add up to 1.
        temperature: above 0.
    """
    found: NDArray[np.float32] = _softmax(_logs(probabilities) / temperature).astype(np.float32)
    largest = probabilities.argmax(axis=1)
    # What was larger by a hair is equal now, and the lower of equal classes would be the answer.
    equal = np.flatnonzero(found.argmax(axis=1) != largest)
    found[equal, largest[equal]] = np.nextafter(found[equal].max(axis=1), np.float32(1))
    return found


def _logs(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.log(np.clip(probabilities.astype(np.float64), LEAST, 1))


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))
