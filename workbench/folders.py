"""The private folder of a run: what lives no longer than it does."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from workbench.owner import Owner

PREFIX = "workbench-run-"
_OWNER = "process"


@contextlib.contextmanager
def run_folder() -> Iterator[Path]:
    """A folder that is removed at the end; one that a killed run leaves behind is swept by `sweep_folders`."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        (folder / _OWNER).write_text(json.dumps(asdict(Owner.here())), encoding="utf-8")
        for name in ("parts", "values", "answers", "shared", "models"):
            (folder / name).mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_folders() -> int:
    """Remove the folders of this user's runs whose process is gone; returns how many."""
    left = [folder for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if _abandoned(folder)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def _abandoned(folder: Path) -> bool:
    """Whether a folder is one that a run of this user has made, and whose process is known to be gone.

    Of a process in another container, or before a restart, that is not known.
    """
    try:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            return False
        owner = Owner(**json.loads((folder / _OWNER).read_text(encoding="utf-8")))
        return owner.alive is False
    except (OSError, ValueError, TypeError):
        return False  # somebody else's, or just being made
