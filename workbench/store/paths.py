"""Paths of the files of an artifact: below its folder, and plain on every system."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from workbench.errors import StoreError

LONGEST_PART, LONGEST_PATH = 255, 1_000
"""Bytes of a file's name, and of its path in an artifact, which every file system takes."""

_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names of devices on Windows."""


def targets_of(folder: Path, paths: Sequence[str]) -> list[Path]:
    """Where the files of an artifact go.

    Args:
        folder: of the artifact.
        paths: of its files, as they are stored.

    Raises:
        StoreError: one is named as `inside` does not take it, is a folder of another, or has the name of another.
    """
    targets = [inside(folder, path) for path in paths]
    times = Counter(paths)
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    for path in paths:
        if path in folders or times[path] > 1:
            raise StoreError(f"an artifact has two files of the name {path!r}, or files inside of it")
    return targets


def inside(folder: Path, path: str) -> Path:
    """Where a file of an artifact goes.

    Raises:
        StoreError: its path is not one that is plain, relative and short enough on every system.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or str(pure) != path or not path.isprintable() or set(path) & set("\\:"):
        raise StoreError(f"an artifact is named {_short(path)}, which is no plain relative path")
    for part in pure.parts:
        if part == ".." or _DEVICE.fullmatch(part):
            raise StoreError(f"an artifact is named {_short(path)}, which is no plain relative path")
    if len(path.encode()) > LONGEST_PATH or max(len(part.encode()) for part in pure.parts) > LONGEST_PART:
        raise StoreError(f"an artifact is named {_short(path)}, which is too long for a file's name")
    return folder.joinpath(*pure.parts)


def _short(path: str) -> str:
    return ascii(path) if len(path) <= 80 else f"{path[:80]!a}..."
