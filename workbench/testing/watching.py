"""What a plugin's code does to the machine while it runs: files written, processes left, modules imported.

The watches are set for good, in a process that runs checks and nothing else.
"""

from __future__ import annotations

import builtins
import contextlib
import dis
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psutil

PATIENCE = 2.0
"""Seconds that a process has to end by itself after the fit that started it."""

_IMPORT = dis.opmap["IMPORT_NAME"]
_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_DESTINATIONS = {"os.mkdir": 0, "os.rename": 1, "os.link": 1, "os.symlink": 1, "sqlite3.connect": 0}


@dataclass
class Traces:
    """What was done while it was watched.

    Args:
        written: files and folders that are still there.
        processes: descriptions of those that did not end.
    """

    written: dict[Path, None] = field(default_factory=dict)
    processes: list[str] = field(default_factory=list)


_open: list[tuple[str, dict[Path, bool]]] = []
"""For each watched block: the package that it runs, and the paths written, with whether that package is to blame."""
_importers: dict[str, dict[str, int]] = {}


@contextlib.contextmanager
def watched(traces: Traces, package: str, own: Path | None = None) -> Iterator[None]:
    """Add to `traces` what the block writes outside the folder `own`, and what it leaves running.

    Processes that it leaves running are ended. Files that a library writes while it is imported, such as a cache, are
    not counted, since every program that imports the library writes them; imports of `package` itself are.
    """
    _watch_files()
    written: dict[Path, bool] = {}
    before, there = _litter(), {child.pid for child in _children()}
    _open.append((package, written))
    try:
        yield
    finally:
        _open.pop()
        written = dict.fromkeys(sorted(_litter() - before), True) | written
        left = [path for path, blamed in written.items() if blamed and path.exists() and not _allowed(path, own)]
        traces.written.update(dict.fromkeys(left))
        traces.processes += _left(there)


def importers() -> dict[str, dict[str, int]]:
    """Module -> the top-level names that it has imported since `watch_imports`, each with the line."""
    return _importers


@cache
def watch_imports() -> None:
    """Note who imports what from now on."""
    ordinary = builtins.__import__

    def noting(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        importer, frame = (globals or {}).get("__name__"), sys._getframe(1)
        # Compiled libraries import in the name of whoever called them; a statement of the module's own is what counts.
        if level == 0 and importer and frame.f_code.co_code[frame.f_lasti] == _IMPORT:
            _importers.setdefault(importer, {}).setdefault(name.partition(".")[0], frame.f_lineno)
        return ordinary(name, globals, locals, fromlist, level)

    builtins.__import__ = noting


@cache
def adopt() -> None:
    """Become the parent of what a plugin starts and detaches, so that it is found; Linux alone can do that."""
    if sys.platform == "linux":
        import ctypes

        child_subreaper = 36
        ctypes.CDLL(None).prctl(child_subreaper, 1, 0, 0, 0)


@cache
def _watch_files() -> None:
    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if not _open:
            return
        place = None
        if event == "open":
            path, mode, flags = arguments
            if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _FLAGS):
                place = path
        elif event in _DESTINATIONS:
            place = arguments[_DESTINATIONS[event]]
        if isinstance(place, str | bytes | os.PathLike):
            path = Path(os.path.abspath(os.fsdecode(place)))  # noqa: PTH100 - it need not exist
            imported = _imported()
            for package, written in _open:
                written[path] = written.get(path, False) or imported in (None, package)

    sys.addaudithook(note)


def _imported() -> str | None:
    """The top-level name of the module whose import is under way, or None outside of imports."""
    module: str | None = None
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_name == "<module>" and module is None:
            module = frame.f_globals.get("__name__", "").partition(".")[0]
        elif frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return module
    return None


def _litter() -> set[Path]:
    """What lies in the working and the temporary folder; so that what is written by C code is seen too."""
    return {path for folder in (Path.cwd(), Path(tempfile.gettempdir())) for path in folder.iterdir()}


def _allowed(path: Path, own: Path | None) -> bool:
    if own is not None and path.is_relative_to(own.absolute()):
        return True
    return path.is_relative_to("/dev") or path.is_relative_to("/proc") or "__pycache__" in path.parts


def _children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if _runs(child)]


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _left(there: set[int]) -> list[str]:
    """What runs that did not before, after a moment to end by itself; it is ended."""
    give_up = time.monotonic() + PATIENCE
    while left := [child for child in _children() if child.pid not in there]:
        if time.monotonic() >= give_up:
            break
        time.sleep(0.05)
    told = []
    for child in left:
        with contextlib.suppress(psutil.Error):
            told.append(f"{child.pid} ({' '.join(child.cmdline())[:100]})")
            child.kill()
    return told
