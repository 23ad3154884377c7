"""Threads that read images: several at a time, but of large ones one at a time, so that memory is bounded."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from workbench_image.decoding import careful
from workbench_image.files import Found

Result = TypeVar("Result")

_THREADS = 4

_LARGE_FILE = 2**24
"""Bytes; of larger files one is read at a time."""


class Stopped(Exception):
    """The work was interrupted before this image's turn came."""


class Crew:
    """What the threads share while they read one list of images."""

    def __init__(self) -> None:
        self._alone = threading.RLock()
        self._stopped = False

    def each(self, work: Callable[[Found], Result], images: Sequence[Found]) -> Iterator[Result]:
        """The results of the work on every image, in order. When interrupted, it waits only for images in progress."""
        with careful(), ThreadPoolExecutor(_THREADS) as pool:
            try:
                yield from pool.map(work, images)
            except BaseException:
                self._stopped = True
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    @contextlib.contextmanager
    def reading(self, image: Found) -> Iterator[bytes]:
        """The bytes of an image, while they are worked on.

        Raises:
            OSError: they cannot be read.
        """
        with self.turn(image.size() > _LARGE_FILE):
            yield image.read()

    @contextlib.contextmanager
    def turn(self, large: bool) -> Iterator[None]:
        """Entered while something is in memory; by one thread at a time if that is large.

        Raises:
            Stopped: no more is to be begun.
        """
        with self._alone if large else contextlib.nullcontext():
            if self._stopped:
                raise Stopped
            yield
