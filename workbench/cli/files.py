"""Files and folders that a command writes: whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from workbench.errors import DataError

_STREAMS = ("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")
"""Paths of streams that are open already, even where these are plain files; `/dev/shm` is an ordinary folder."""


@contextlib.contextmanager
def replacing(path: Path, told: str) -> Iterator[IO[bytes]]:
    """Write a file beside its place, and put it there when all is written: until then, what was there stays.

    A symbolic link is followed; a file that is replaced keeps its permissions. A device, a pipe or one of this
    process's own streams, such as `/dev/stdout`, is written to at the end, all at once.

    Args:
        path: of the file.
        told: how the user called it, such as `--output lists.csv`.

    Raises:
        DataError: it cannot be written.
    """
    with _one_line(told):
        if _is_stream(path):
            content = io.BytesIO()
            yield content
            with path.open("ab") as stream:  # what is redirected to a file goes on where that ends
                stream.write(content.getvalue())
            return
        target = path.resolve()
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if mode is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        draft = _draft(target.parent)
        try:
            with draft.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if mode is not None:
                draft.chmod(mode)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


@contextlib.contextmanager
def filling(folder: Path, told: str) -> Iterator[Path]:
    """A folder to write into; its content moves into `folder` when all is written, and without that nothing is left.

    Args:
        folder: not there, or empty.
        told: how the user called it.

    Raises:
        DataError: it is there and not empty, or cannot be written.
    """
    with _one_line(told):
        made = not folder.exists()
        if not made and (not folder.is_dir() or any(folder.iterdir())):
            raise DataError(f"{told} is there already and not empty; name another folder")
        folder.mkdir(parents=True, exist_ok=True)
        draft = _draft(folder)
        try:
            draft.mkdir()
            yield draft
            for each in sorted(draft.iterdir()):
                each.rename(folder / each.name)
        except BaseException:
            shutil.rmtree(folder if made else draft, ignore_errors=True)
            raise
        draft.rmdir()


def _draft(folder: Path) -> Path:
    return folder / f".workbench-{secrets.token_hex(8)}"


def _is_stream(path: Path) -> bool:
    given = os.path.abspath(path)  # noqa: PTH100 (links such as /dev/stdout are told by their names)
    return given.startswith(_STREAMS) or (path.exists() and not path.is_file() and not path.is_dir())


@contextlib.contextmanager
def _one_line(told: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{told}: {error.strerror or error}") from error
