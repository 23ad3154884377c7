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


def temperature(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> float:
    """The temperature under which the right classes are likeliest: above 1 where the probabilities are too sure.

    Its logarithm has a normal prior of deviation 1, so that no mistakes among few examples do not make it extreme.

    Args:
        probabilities: [n, n_classes], rows that add up to 1.
        truth: int[n], the right classes; n is 1 or more.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    rows = np.linspace(0, len(truth) - 1, min(len(truth), MOST_EXAMPLES)).astype(np.int64)
    logs, right = _logs(probabilities[rows]), truth[rows]

    def loss(log_temperature: float) -> float:
        own = log_softmax(logs / np.exp(log_temperature), axis=1)[np.arange(len(right)), right]
        return log_temperature**2 / 2 - float(own.sum())

    bound = np.log(LARGEST)
    return float(np.exp(minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-3}).x))


def at_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """float32[n, n_classes]: softmax(ln p / temperature), where no p counts as less than `LEAST`.

    Args:
        probabilities: [n, n_classes], rows that add up to 1.
        temperature: above 0.
    """
    from scipy.special import softmax

    found: NDArray[np.float32] = softmax(_logs(probabilities) / temperature, axis=1).astype(np.float32)
    largest = probabilities.argmax(axis=1)
    # What was larger by a hair is equal now, and the lower of equal classes would be the answer.
    equal = np.flatnonzero(found.argmax(axis=1) != largest)
    found[equal, largest[equal]] = np.nextafter(found[equal].max(axis=1), np.float32(1))
    return found


def _logs(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.log(np.clip(probabilities.astype(np.float64), LEAST, 1))
