"""A warm process in which commands run as forked children: `python -m tests.warm`.

A command spends most of its time on importing what it needs; here that is done once. Each child has the folder, the
environment, the import path and the streams of a command that is called from a shell, and ends as that does. What the
interpreter reads as it starts, such as PYTHONHASHSEED, cannot be given to it.

Each line of the input is an order: `{"arguments": [...], "folder": path, "environment": {...}, "seconds": number,
"out": path, "err": path}`; the answer is the exit code of the child, negative for a signal.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
GIVEN = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
NEEDED = ("workbench.cli", "workbench.main", "workbench.serving", "workbench.data.reading", "workbench_recommend.task",
          "alembic.command", "pandas", "pyarrow.compute", "pyarrow.csv", "rich.console", "scipy.sparse")  # fmt: skip
"""What most commands import, or what that imports; nothing that starts threads."""


class Warm:
    """The other side: calls commands. To be closed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float, streams: Path
    ) -> tuple[int, bytes, bytes]:
        """The exit code of a command and what it wrote on standard output and standard error.

        Args:
            arguments: of the command.
            folder: in which it is called.
            environment: all of it.
            seconds: after which it is killed.
            streams: a folder for what it writes.

        Raises:
            TimeoutExpired: it was killed.
        """
        out, err = streams / "out", streams / "err"
        order = {"arguments": arguments, "folder": str(folder), "environment": dict(environment), "seconds": seconds}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({**order, "out": str(out), "err": str(err)}) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        if code == -signal.SIGALRM:
            raise subprocess.TimeoutExpired(list(arguments), seconds, out.read_bytes(), err.read_bytes())
        return code, out.read_bytes(), err.read_bytes()

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


def settle(order: Mapping[str, Any]) -> None:
    """Become the process that `python -m workbench` would be."""
    signal.alarm(int(order["seconds"]))
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[: 1 + len(GIVEN)] = [order["folder"], *paths]
    importlib.invalidate_caches()
    sys.argv = [str(ROOT / "workbench/__main__.py"), *order["arguments"]]
    places = (
        (os.devnull, os.O_RDONLY),
        *((order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("out", "err")),
    )
    for number, (place, flags) in enumerate(places):
        descriptor = os.open(place, flags)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc] # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)  # type: ignore[misc] # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(  # type: ignore[misc] # noqa: SIM115
        2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    random.seed()


def child(order: Mapping[str, Any]) -> int:
    """Run a command; returns its exit code."""
    from workbench.cli import main

    settle(order)
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def main() -> None:
    """Obey orders until the input ends."""
    for name in NEEDED:
        importlib.import_module(name)
    orders, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in orders:
        process = os.fork()
        if not process:
            code = 1
            try:
                code = child(json.loads(line))
            finally:
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), file=answers, flush=True)


if __name__ == "__main__":
    main()
