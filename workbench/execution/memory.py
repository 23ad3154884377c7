"""How much memory a process has for itself."""

from __future__ import annotations

import psutil


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
