"""A child process of a run: one side starts it, the other settles in it.

It is talked to over its standard input and output, a JSON document a line. It is a session of its own, so that
it and all it starts can be ended together; it ignores Ctrl-C, which is its parent's business, and dies with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

STDERR_KEPT = 16_384
LAST_WORDS_SECONDS = 2.0


def start(module: str, folder: Path | str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Run a module in a process of its own.

    Args:
        module: whose `main` calls `settle` first.
        folder: its working directory, from which nothing is imported.
        environment: variables besides those of this process.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {}), **_absolute_python_path()},
        cwd=folder,
        start_new_session=True,
    )


def send(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process and all it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def cause(code: int, ended: str) -> str:
    """Why a process is gone.

    Args:
        code: its exit code, negative after a signal.
        ended: what to say where there was none.
    """
    if code < 0:
        try:
            return f"died of {signal.Signals(-code).name}"
        except ValueError:
            return f"died of signal {-code}"
    return f"{ended} (exit code {code})"


class LastWords:
    """The end of what a process writes on standard error."""

    def __init__(self) -> None:
        self._blocks: deque[bytes] = deque()

    def read(self, process: subprocess.Popen[bytes]) -> None:
        """Read until it ends."""
        assert process.stderr is not None
        kept = 0
        while block := os.read(process.stderr.fileno(), 65_536):
            self._blocks.append(block[-STDERR_KEPT:])
            kept += len(self._blocks[-1])
            while kept - len(self._blocks[0]) >= STDERR_KEPT:
                kept -= len(self._blocks.popleft())

    def __str__(self) -> str:
        return b"".join(self._blocks)[-STDERR_KEPT:].decode("utf-8", "replace")


def settle() -> tuple[BinaryIO, BinaryIO]:
    """Become such a process; returns where messages come from and where answers go.

    Whatever else reads standard input finds it empty, and what is printed goes to standard error.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    messages, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return messages, answers


def _die_with_parent() -> None:
    """On Linux the kernel sees to it, even while C code holds the interpreter; elsewhere the end of the input does."""
    if sys.platform == "linux":
        import ctypes

        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL, 0, 0, 0)


def _absolute_python_path() -> dict[str, str]:
    """A process lives in a folder of its own; what is meant from here must be found from there."""
    given = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, given.split(os.pathsep)))} if given else {}
