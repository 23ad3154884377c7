"""What the solvers of `implicit` want of their callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import scipy.sparse as sp


def one_blas_thread() -> Any:
    """A context: `implicit` runs threads of its own; BLAS threads inside them only get in their way."""
    import implicit  # noqa: F401 - its BLAS must be there before it can be limited
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


def own_copy(matrix: sp.csr_array) -> sp.csr_matrix:
    """The older matrix type, writable: its solvers ask for that though they only read, and parts are read-only."""
    import scipy.sparse as sp

    return sp.csr_matrix(matrix, copy=True)
