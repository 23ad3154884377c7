"""How sure a mean over examples and draws is, and whether a difference between two models is more than noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.01
"""To call two models different is a strong word: of a hundred pairs of equal ones it may be said of one."""


@dataclass(frozen=True)
class Mean:
    """The mean of several draws' means, with the variance that the sampling of draws and of examples gives it.

    Draws and examples are both samples: each draw has fits of its own, whose luck all of its examples share, and an
    example that is met in several draws brings its own difficulty along. The variance of the mean is the scatter of
    the draws' means, plus their covariance, which is what common examples give them.

    Args:
        value: the mean.
        of_draws: the variance of `value` by the scatter of the draws' means; 0 for a single draw.
        without_luck: what `of_draws` would be expected to be if fits had no luck.
        of_examples: the variance of `value` by the examples that draws have in common; of a single draw, by all.
        n_draws: how many there are.
        n_examples: how many distinct ones.
    """

    value: float
    of_draws: float
    without_luck: float
    of_examples: float
    n_draws: int
    n_examples: int

    @property
    def error(self) -> float:
        """The standard error of `value`; infinite for fewer than two examples."""
        return math.sqrt(max(self.of_draws, self.without_luck) + self.of_examples)

    def half_width(self, level: float = 0.05) -> float:
        """Half of the interval that misses the true mean in at most `level` of all cases.

        The two variances have different degrees of freedom. Each is multiplied by the square of its own Student
        quantile (Banerjee, "Approximate confidence interval for linear functions of means of k populations when the
        population variances are not equal", 1960): exact where one of them is all, on the safe side in between. The
        scatter of a few draws is often small by chance, so it never counts for less than without luck.
        """
        from scipy.special import stdtrit

        if self.n_examples < 2:
            return math.inf
        draws_t = float(stdtrit(self.n_draws - 1, 1 - level / 2)) if self.n_draws > 1 else 0.0
        examples_t = float(stdtrit(self.n_examples - 1, 1 - level / 2))
        by_draws = max(self.of_draws * draws_t**2, self.without_luck * examples_t**2)
        return math.sqrt(by_draws + self.of_examples * examples_t**2)

    def is_clear(self, level: float) -> bool:
        """Whether the two-sided test at `level` says that the true mean is not 0."""
        return abs(self.value) > self.half_width(level)


def mean_over_draws(values: NDArray[np.floating], examples: NDArray[np.int64], draws: NDArray[np.int64]) -> Mean:
    """The mean of the draws' means, with its variance components.

    Args:
        values: float[n]; of a paired comparison, the differences.
        examples: int64[n], which example each row belongs to.
        draws: int64[n], which draw, or fold, it was scored in.
    """
    _, draw = np.unique(draws, return_inverse=True)
    _, example = np.unique(examples, return_inverse=True)
    n_draws, n_examples = int(draw.max()) + 1, int(example.max()) + 1
    sizes = np.bincount(draw)
    means = np.bincount(draw, values) / sizes
    value = float(means.mean())
    if n_examples < 2:
        return Mean(value, 0.0, 0.0, math.inf, n_draws, n_examples)
    # What each row adds to the error of the mean, the luck of its draw taken out.
    errors = (values - means[draw]) / (n_draws * sizes[draw])
    unbiased = n_examples / (n_examples - 1)
    together = unbiased * _clustered(errors, example)
    if n_draws == 1:
        return Mean(value, 0.0, 0.0, together, n_draws, n_examples)
    apart = unbiased * _clustered(errors, np.unique(example * n_draws + draw, return_inverse=True)[1])
    shared = max(0.0, (together - apart) * n_draws / (n_draws - 1))
    scatter = float(means.var(ddof=1)) / n_draws
    return Mean(value, scatter, max(0.0, apart - shared / n_draws), shared, n_draws, n_examples)


def _clustered(errors: NDArray[np.float64], group: NDArray[np.int64]) -> float:
    """The sum over groups of the squared sum of their errors."""
    sums = np.bincount(group, errors)
    return float(sums @ sums)


def clear(differences: Sequence[Mean]) -> list[bool]:
    """Which of several differences pass the two-sided test at `LEVEL`, all together.

    Holm's step-down correction ("A simple sequentially rejective multiple test procedure", 1979): those that are
    clear at the level of all are no longer counted against the rest.
    """
    found = [False] * len(differences)
    while not all(found):
        level = LEVEL / found.count(False)
        new = [at for at, each in enumerate(differences) if not found[at] and each.is_clear(level)]
        if not new:
            break
        for at in new:
            found[at] = True
    return found
