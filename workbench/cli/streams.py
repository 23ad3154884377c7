"""Standard output and standard error as every command has them: what cannot be written there stops nothing."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, TextIO

_NAMES = ("stdin", "stdout", "stderr")
_STRICT = ("strict", "surrogateescape")
"""Error handlers that fail on a character that the encoding lacks, or write bytes that are no text."""


class Sink(io.FileIO):
    """Writes to a descriptor until the first fault, which is kept; what comes later is dropped without an error.

    Args:
        descriptor: it stays open.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.fault: OSError | None = None
        self.excused = False

    def write(self, data: Any, /) -> int:
        """Write, or after a fault pretend to; wait where a descriptor that does not block is full."""
        try:
            while self.fault is None:
                written = super().write(data)
                if written is not None:
                    return written
                select.select([], [self], [])
        except OSError as fault:
            self.fault = fault
        return memoryview(data).nbytes


def guard() -> None:
    """Open those of descriptors 0 to 2 that are closed, and guard standard output and standard error.

    A file that is opened while one of these numbers is free would get the number, and with it what is printed. A stream
    that has been put in the place of Python's own stays as it is.
    """
    for descriptor, name in enumerate(_NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number that is free
        if descriptor and getattr(sys, name) is getattr(sys, f"__{name}__"):
            setattr(sys, name, _guarded(getattr(sys, name), descriptor))


def excuse() -> None:
    """Say that the command has done its work: a fault of standard output does not change its exit code any more."""
    sink = _sink(sys.stdout)
    if sink is not None:
        sink.excused = True


def settle(code: int) -> int:
    """The exit code of a command that ended with `code`, once all that it has printed is written.

    A reader that has gone, as in `| head`, has what it wanted. Any other fault of standard output is said on standard
    error, and the exit code is 2 unless `excuse` was called.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    sink = _sink(sys.stdout)
    fault = None if sink is None else sink.fault
    if sink is None or fault is None or fault.errno == errno.EPIPE:
        return code
    print(f"error: standard output: {fault.strerror or fault}", file=sys.stderr, flush=True)
    return code or (0 if sink.excused else 2)


def _guarded(stream: TextIO | None, descriptor: int) -> TextIO:
    """A stream to the same place, in the same encoding; None stands for one that was closed."""
    if not isinstance(stream, io.TextIOWrapper):
        return io.TextIOWrapper(io.BufferedWriter(Sink(descriptor)), encoding="utf-8", errors="backslashreplace")
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(Sink(descriptor)),
        encoding=stream.encoding,
        errors="backslashreplace" if stream.errors in _STRICT else stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _sink(stream: TextIO) -> Sink | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Sink) else None
