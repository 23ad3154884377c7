"""How much memory a process has for itself, and giving back what it no longer needs."""

from __future__ import annotations

import ctypes

import psutil
import pyarrow as pa


def private_memory(pid: int) -> int:
    """Bytes of resident memory that are this process's own: without mapped files.

    Raises:
        psutil.Error: there is no such process, or it may not be looked at.
    """
    memory = psutil.Process(pid).memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


def machine_memory() -> int:
    """Bytes of memory that new work can use now."""
    return int(psutil.virtual_memory().available)


def give_back_memory() -> None:
    """Return freed memory to the system, as far as the allocators can: they keep most of it for a next time."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others give back by themselves or not at all
    if trim is not None:
        trim(0)
