"""Which process something belongs to, told apart from others of the same number: elsewhere, or after a restart."""

from __future__ import annotations

import contextlib
import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Owner:
    """A process that owns something.

    Args:
        host: the name of its machine.
        boot: which start of which machine, and which space of process numbers; they are given out anew in each.
        process: its number.
        started: when it started, on a clock that nobody sets where there is one; equal or not is all it says.
    """

    host: str
    boot: str
    process: int
    started: float

    @classmethod
    def here(cls) -> Owner:
        """This process."""
        return cls(platform.node(), _boot(), os.getpid(), process_started(os.getpid()) or 0.0)

    @property
    def alive(self) -> bool | None:
        """Whether it still runs; None where that cannot be told from here."""
        if (self.host, self.boot) != (platform.node(), _boot()):
            return None
        return process_started(self.process) == self.started


def process_started(process: int) -> float | None:
    """When a process started; None where there is none, or only what is left until its parent asks for it."""
    with contextlib.suppress(OSError):
        # psutil adds the time of the boot, which moves when the wall clock is set.
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else float(fields[19])
    if Path("/proc/self/stat").exists():
        return None
    try:
        found = psutil.Process(process)
        return None if found.status() == psutil.STATUS_ZOMBIE else round(found.create_time(), 1)
    except psutil.NoSuchProcess:
        return None


@cache
def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"  # containers of one machine number their own
    except OSError:
        return f"{psutil.boot_time():.0f}"
