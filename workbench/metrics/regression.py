"""Metrics of predicted numbers. `docs/metrics.md` has every formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.contract.metric import NOT_NEGATIVE, Evaluation, Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

RMSE = Metric("rmse", "square root of the mean squared error", False, NOT_NEGATIVE)
MAE = Metric("mae", "mean absolute error", False, NOT_NEGATIVE)
R2 = Metric("r2", "1 - squared errors / squared errors of the mean of the part that is scored", bounds=(-math.inf, 1.0))

REGRESSION = (RMSE, MAE, R2)


def evaluate_numbers(
    predicted: NDArray[np.floating],
    truth: NDArray[np.floating],
    names: Sequence[str],
    ids: NDArray[np.int64] | None = None,
) -> Evaluation:
    """How predicted numbers do; names of other metrics are left out.

    `rmse` is no mean over examples. Its values are linear ones that have it as their mean, by the delta method:
    rmse + (error² - mse) / (2 rmse). So intervals and paired comparisons hold for it as they do for means.

    Args:
        predicted: [n].
        truth: [n]; n is 1 or more.
        names: of `REGRESSION`.
        ids: int64[n], which example each row is.
    """
    errors = np.asarray(predicted, dtype=np.float64) - truth
    squares = errors**2
    mse = float(squares.mean())
    found, per_example = {}, {}
    for name in names:
        if name == RMSE.name:
            found[name] = mse**0.5
            linear = found[name] + (squares - mse) / (2 * found[name]) if mse else squares
            per_example[name] = linear.astype(np.float32)
        elif name == MAE.name:
            found[name] = float(np.abs(errors).mean())
            per_example[name] = np.abs(errors).astype(np.float32)
        elif name == R2.name:
            spread = float(((truth - truth.mean()) ** 2).mean())
            found[name] = 1 - mse / spread if spread else float(mse == 0)
    return Evaluation(found, per_example, ids)
