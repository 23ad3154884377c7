"""What a worker's models started and did not end: found by a mark in their environment, wherever they have gone.

Killing a worker's session is not enough: a process that began a session of its own has left it, and one whose parent
has died is nobody's child any more. Each inherits the environment all the same.
"""

from __future__ import annotations

import os

import psutil

MARK = "WORKBENCH_WORKER"
"""Environment variable that tells by which worker a process was started."""

_PASSES = 5
"""One that is being started while others are looked at is found the next time; there is no end to that by design."""


def stop(mark: str) -> None:
    """Kill every process with this mark."""
    for _ in range(_PASSES):
        if not sum(_killed(process, mark) for process in psutil.process_iter()):
            return


def _killed(process: psutil.Process, mark: str) -> bool:
    try:
        if process.pid == os.getpid() or process.environ().get(MARK) != mark:
            return False
        process.kill()
    except (psutil.Error, OSError):  # somebody else's, or gone
        return False
    return True
