"""Threads of libraries that get in each other's way."""

from __future__ import annotations

from typing import Any


def one_blas_thread() -> Any:
    """`implicit` runs threads of its own; BLAS threads inside them only get in their way."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")
