"""Whether a difference between two models is more than noise."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.05


def paired_z(first: NDArray[np.float32], second: NDArray[np.float32], examples: NDArray[np.int64]) -> float:
    """The z-value of the mean paired difference; an example met in several draws counts once, by its mean.

    Args:
        first: float32[n], values of one model.
        second: float32[n], values of the other for the same rows.
        examples: int64[n], which example each row belongs to.

    Returns:
        Above 0 where `first` is larger; 0 where all are equal or there are fewer than two examples.
    """
    difference = first.astype(np.float64) - second
    _, group = np.unique(examples, return_inverse=True)
    means = np.bincount(group, difference) / np.bincount(group)
    if len(means) < 2:
        return 0.0
    mean, error = float(means.mean()), float(means.std(ddof=1)) / len(means) ** 0.5
    if error == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return float(mean / error)


def clearly_different(z: float, comparisons: int) -> bool:
    """Whether |z| passes the two-sided test at `LEVEL`, corrected for the number of comparisons (Bonferroni)."""
    return abs(z) > NormalDist().inv_cdf(1 - LEVEL / (2 * max(1, comparisons)))
