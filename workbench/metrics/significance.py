"""Whether a difference between two models is more than noise."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.01
"""To call two models different is a strong word: of a hundred pairs of equal ones it may be said of one."""


def paired_z(
    first: NDArray[np.float32], second: NDArray[np.float32], examples: NDArray[np.int64], draws: NDArray[np.int64]
) -> float:
    """The z-value of the mean paired difference; an example met in several draws counts once, by its mean.

    Both the examples and the draws are samples: a draw has fits of its own, whose luck all of its examples share. So
    the variance is clustered both ways (Cameron, Gelbach and Miller, "Robust Inference with Multiway Clustering",
    2011, equation 2.9), the draws' part never less than nothing. Five draws say little of their own variance, which
    Student's distribution with Satterthwaite's degrees of freedom (1946) allows for.

    Args:
        first: float32[n], values of one model.
        second: float32[n], values of the other for the same rows.
        examples: int64[n], which example each row belongs to.
        draws: int64[n], which draw.

    Returns:
        Above 0 where `first` is larger; 0 where all are equal or there are fewer than two examples. What a standard
        normal value would have to be to be as unlikely.
    """
    from scipy.special import ndtri, stdtr

    difference = first.astype(np.float64) - second
    _, example = np.unique(examples, return_inverse=True)
    counts = np.bincount(example)
    if len(counts) < 2:
        return 0.0
    mean = float((np.bincount(example, difference) / counts).mean())
    # What each row adds to the error of the mean.
    errors = (difference - mean) / (len(counts) * counts[example])
    by_example = _clustered(errors, example)
    _, draw = np.unique(draws, return_inverse=True)
    by_draw = max(0.0, _clustered(errors, draw) - float(errors @ errors)) if draw.max() else 0.0
    error = (by_example + by_draw) ** 0.5
    if error <= 1e-12 * abs(mean):
        return math.copysign(math.inf, mean) if mean else 0.0
    freedom = error**4 / (by_example**2 / (len(counts) - 1) + by_draw**2 / max(1, draw.max()))
    return math.copysign(float(ndtri(stdtr(freedom, -abs(mean) / error))), mean)


def _clustered(errors: NDArray[np.float64], group: NDArray[np.int64]) -> float:
    """The variance of the sum, where errors of a group go together."""
    sums = np.bincount(group, errors)
    return float(sums @ sums) * len(sums) / (len(sums) - 1)


def clearly_different(z: float, comparisons: int) -> bool:
    """Whether |z| passes the two-sided test at `LEVEL`, corrected for the number of comparisons (Bonferroni)."""
    return abs(z) > NormalDist().inv_cdf(1 - LEVEL / (2 * max(1, comparisons)))
