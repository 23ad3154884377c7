"""Files of images wherever they lie: what is no plain file is never opened, and none is read further than it may be."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workbench_image.decoding import FORMATS, HEAD, format_of

MOST_OF_ONE = 2**28
"""Bytes of one file."""

ENDINGS = {f".{ending}": kind for kind, endings in FORMATS.items() for ending in endings}
"""How names of images end -> the format that they say."""


class Content(Protocol):
    """The bytes of one file."""

    def size(self) -> int:
        """How many bytes there are said to be.

        Raises:
            OSError: they cannot be read.
        """

    def start(self, most: int) -> bytes:
        """So many bytes from the start, or all where there are fewer.

        Raises:
            OSError: they cannot be read.
        """


@dataclass(frozen=True)
class Found:
    """One file that is an image, or should be.

    Args:
        name: how it is shown, with `/` between folders.
        content: its bytes.
        label: what it shows; empty where that is not known.
    """

    name: str
    content: Content
    label: str = ""

    @property
    def named(self) -> str:
        """The format that the ending of its name says; empty where that is no ending of images."""
        return ENDINGS.get(self._ending, "")

    def named_other(self, kind: str) -> bool:
        """Whether its name has an ending, and that of no such format."""
        return bool(self._ending) and self.named != kind

    @property
    def _ending(self) -> str:
        return os.path.splitext(self.name)[1].lower()  # noqa: PTH122 - several times as fast, of many files

    def size(self) -> int:
        """In bytes; 0 where that cannot be told."""
        try:
            return self.content.size()
        except OSError:
            return 0

    def is_image(self) -> bool:
        """Whether it begins as an image does; a file that cannot be read does not."""
        try:
            return self.content.size() > 0 and bool(format_of(self.content.start(HEAD)))
        except OSError:
            return False

    def read(self) -> bytes:
        """All of it.

        Raises:
            OSError: it cannot be read, is larger than `MOST_OF_ONE`, or than it is said to be.
        """
        size = self.content.size()
        if size > MOST_OF_ONE:
            raise OSError(f"larger than {MOST_OF_ONE >> 20} MiB")
        content = self.content.start(size + 1)
        if len(content) > size:
            raise OSError("larger than it is said to be")
        return content


@dataclass(frozen=True)
class PlainFile:
    """A file on disk."""

    path: Path

    def size(self) -> int:
        """As the file system says."""
        return self._status().st_size

    def start(self, most: int) -> bytes:
        """Opened only if it is a plain file, as opening others can wait for ever or do harm."""
        self._status()
        # Without waiting, should something else have come in its place meanwhile.
        with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            _check(os.fstat(file.fileno()))
            return file.read(most)

    def _status(self) -> os.stat_result:
        try:
            status = self.path.stat()
        except ValueError as error:
            raise OSError("its path holds a NUL") from error
        _check(status)
        return status


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or device, no plain file")


@dataclass(frozen=True)
class Value:
    """A file inside a column of a table."""

    value: bytes

    def size(self) -> int:
        """Of the value."""
        return len(self.value)

    def start(self, most: int) -> bytes:
        """Of the value."""
        return self.value[:most]
