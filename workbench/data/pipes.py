"""Data that comes through a pipe, kept in a file for as long as it is read."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

from workbench.errors import DataError
from workbench.shortage import no_room

STANDARD_INPUT = ("-", "/dev/stdin")

_OF_THIS_PROCESS = ("/dev/fd/", "/proc/self/fd/", *STANDARD_INPUT[1:])
"""Beginnings of paths that mean something else, or nothing, in any other process."""


def is_pipe(data: Any) -> bool:
    """Whether data can be read only once: standard input, the `<(...)` of a shell, a named pipe."""
    if not isinstance(data, str | Path):
        return False
    if str(data) == "-" or str(data).startswith(_OF_THIS_PROCESS):
        return True
    try:
        mode = Path(data).stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def kept(data: Any, folder: Path) -> Any:
    """The data itself; or where it comes through a pipe, the path of a file with what came.

    Args:
        data: a path or a table.
        folder: where that file is put, in a folder that is made for it.

    Raises:
        DataError: the pipe is a terminal or a device, or is closed.
        OSError: the folder has no room for its content.
    """
    if not is_pipe(data):
        return data
    is_input = str(data) in STANDARD_INPUT
    name = "stdin" if is_input else "pipe" if str(data).startswith(_OF_THIS_PROCESS) else Path(data).name
    try:
        with open(0 if is_input else data, "rb", closefd=not is_input) as pipe:
            mode = os.fstat(pipe.fileno()).st_mode
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                what = "a terminal" if pipe.isatty() else "a device"
                raise DataError(f"{name} is {what}; give a file, or a pipe with the data")
            folder.mkdir()
            with (folder / name).open("wb") as file:
                shutil.copyfileobj(pipe, file, 1 << 20)
    except OSError as error:
        if no_room(error, folder):  # of the folder, not of the pipe
            raise
        raise DataError(f"{name} cannot be read: {error.strerror or error}") from error
    return folder / name
