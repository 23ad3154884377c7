"""The private folder of a run: what lives no longer than it does."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.owner import process_started

PREFIX = "workbench-run-"
_OWNER = "process"


@contextlib.contextmanager
def run_folder() -> Iterator[Path]:
    """A folder that is removed at the end; one that a killed run leaves behind is swept by `sweep_folders`."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        (folder / _OWNER).write_text(f"{os.getpid()} {process_started(os.getpid())}", encoding="utf-8")
        for name in ("parts", "values", "answers", "shared", "models"):
            (folder / name).mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_folders() -> int:
    """Remove the folders of runs whose process is gone; returns how many."""
    left = [folder for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if not _alive(folder)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def _alive(folder: Path) -> bool:
    """Whether the process that made the folder still runs; a number used again is told by when it started."""
    try:
        process, started = (folder / _OWNER).read_text(encoding="utf-8").split()
        return process_started(int(process)) == float(started)
    except (OSError, ValueError):
        return True  # somebody else's, or just being made: not ours to remove
