"""Who holds the lock of an SQLite file, where the system tells it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

_LOCKS = Path("/proc/locks")


def holder_of(path: Path) -> str | None:
    """The process that keeps others from writing a file: its number, its name, and whether it is stopped.

    Args:
        path: of the database; with a write-ahead log its lock is on the file `-shm` beside it.
    """
    files = set()
    for file in (path, path.with_name(f"{path.name}-shm")):
        with contextlib.suppress(OSError):
            files.add(file.stat().st_ino)
    try:
        lines = _LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        # 1: POSIX  ADVISORY  WRITE 1234 fe:01:5678 120 120; one that only waits has an arrow behind its number.
        fields = line.split()
        if len(fields) < 6 or fields[3] != "WRITE" or int(fields[5].rpartition(":")[2]) not in files:
            continue
        process = int(fields[4])
        if process not in (os.getpid(), -1) and _may_have_open(process, path):
            return _described(process)
    return None


def _may_have_open(process: int, path: Path) -> bool:
    """Whether a process has a database open, or does not tell; numbers of files are used again on other disks."""
    try:
        return str(path.resolve()) in (file.path for file in psutil.Process(process).open_files())
    except psutil.Error:
        return True


def _described(process: int) -> str:
    try:
        found = psutil.Process(process)
        stopped = ", which is stopped" * (found.status() == psutil.STATUS_STOPPED)
        return f"process {process} ({found.name()}){stopped}"
    except psutil.Error:
        return f"process {process}"
