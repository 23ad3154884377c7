"""Shortages of the machine, such as a full disk, told apart from faults of Workbench and of plugins."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import CannotGoOn, WorkbenchError

NO_ROOM = "no room left on the disk of"
"""How the reason of a trial begins that failed for lack of room; the trial is tried once more by a resume."""

_LITTLE_ROOM = 64 * 2**10
"""Bytes that a full disk may have left, since room is given out in blocks."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FILES = (errno.EMFILE, errno.ENFILE)

_NO_THREAD = ("can't start new thread", os.strerror(errno.EAGAIN))
"""What Python and libraries say where the system starts no thread; their errors have no number."""


def no_room(error: BaseException, scratch: Path) -> str:
    """Which disk was full where that is what an error comes from; else an empty text.

    Args:
        error: with what it was raised from.
        scratch: the folder for temporary files; named where the error names no place.
    """
    for each in _chain(error):
        if isinstance(each, OSError) and each.errno in _FULL:
            inside = each.filename is None or Path(os.fsdecode(each.filename)).is_relative_to(scratch)
            return f"{NO_ROOM} {scratch if inside else each.filename}"
        # Libraries in other languages pass on the text alone, and NumPy says only how much it could write.
        silent = isinstance(each, OSError) and each.errno is None and is_full(scratch)
        if silent or any(os.strerror(number) in _words_of(each) for number in _FULL):
            return f"{NO_ROOM} {scratch}"
    return ""


def with_remedy(full: str) -> str:
    """What `no_room` has found, and what to do about it."""
    return f"{full}; make room there, or set TMPDIR to a folder on a larger disk"


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has next to no room left."""
    try:
        return shutil.disk_usage(folder).free < _LITTLE_ROOM
    except OSError:
        return False


def shortage(error: BaseException) -> str:
    """What this process lacked, in one line with a remedy, where an error comes from that; else an empty text."""
    scratch = Path(tempfile.gettempdir())
    if full := no_room(error, scratch):
        return with_remedy(full) if full.endswith(str(scratch)) else f"{full}; make room there"
    for each in _chain(error):
        if isinstance(each, OSError) and each.errno in _FILES:
            return "too many open files; allow more (ulimit -n)"
        if isinstance(each, BlockingIOError) and each.errno == errno.EAGAIN:
            return "too many processes; allow more (ulimit -u), or take fewer --workers"
        if any(text in _words_of(each) for text in _NO_THREAD):
            return "no thread can be started; allow more threads (ulimit -u) or memory (ulimit -v)"
        if isinstance(each, MemoryError):
            return "too little memory; end other programs, allow more (ulimit -v), or take less data"
    return ""


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Shortages inside the block as one error that says what to do."""
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:
        if lacking := shortage(error):
            raise CannotGoOn(lacking) from error
        raise


def _words_of(error: BaseException) -> str:
    """What an error says; nothing where it cannot say it, as a plugin's may not."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a plugin's exception may raise anything from its own text
        return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, or amid."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
