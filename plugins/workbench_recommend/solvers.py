"""What the solvers of `implicit` want of their callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import Context, Model
from workbench.data.interactions import Interactions

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


class SampledFactors(Model):
    """Factors that a solver of `implicit` finds by sampling, from a seeded start.

    Users that were never met have none, and none follow from a history without further steps of the solver;
    they are answered by popularity. On one thread, since several would make each fit another.
    """

    def solver(self, seed: int) -> Any:
        """The solver with this model's hyperparameters, on one thread."""
        raise NotImplementedError(f"{type(self).__name__} names no solver")

    def fit(self, train: Interactions, context: Context) -> None:
        """Run the solver and keep its factors."""
        with one_blas_thread():
            solver = self.solver(context.seed)
            solver.fit(own_copy(train.matrix), show_progress=False)
        self.user_factors_ = np.array(solver.user_factors, dtype=np.float32)
        self.item_factors_ = np.array(solver.item_factors, dtype=np.float32)

    def score(self, users: NDArray[np.int32]) -> NDArray[np.float32]:
        """float32[n, n_items]."""
        return self.user_factors_[users] @ self.item_factors_.T


def one_blas_thread() -> Any:
    """A context: `implicit` runs threads of its own; BLAS threads inside them only get in their way."""
    import implicit  # noqa: F401 - its BLAS must be there before it can be limited
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


def own_copy(matrix: sp.csr_array) -> sp.csr_matrix:
    """The older matrix type, writable: its solvers ask for that though they only read, and parts are read-only."""
    import scipy.sparse as sp

    return sp.csr_matrix(matrix, copy=True)
