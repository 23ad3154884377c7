"""Ctrl-C and SIGTERM: the first asks the run to end well, the second ends it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from workbench.errors import Interrupted


class Interrupts:
    """What the user asked for by signal.

    Args:
        received: the number of the first signal; None while there was none.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._at_once = False

    def __call__(self) -> bool:
        return self.received is not None

    def check(self) -> None:
        """Raise where nothing has begun that would be worth ending well.

        Raises:
            Interrupted: there was a signal.
        """
        if self.received is not None:
            raise Interrupted(self.exit_code)

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, 0 without."""
        return 0 if self.received is None else 128 + self.received

    @contextlib.contextmanager
    def watching(self) -> Iterator[Interrupts]:
        """Catch the signals inside the block; outside the main thread they are left alone."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before: dict[int, Any] = {
            number: signal.signal(number, self._catch) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside the block a signal does not wait for the next `check`: what is going on there may take long.

        Raises:
            Interrupted: there was a signal, now or before.
        """
        self._at_once = True
        try:
            self.check()
            yield
        except Exception:
            self.check()  # libraries put errors of their own in the place of what a handler of a signal raises
            raise
        finally:
            self._at_once = False

    def _catch(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            # Every stored trial is committed already, and workers die with this process.
            if sys.stderr is not None and sys.stderr.isatty():
                with contextlib.suppress(OSError):
                    os.write(2, b"\x1b[?25h")  # a live display has hidden the cursor
            os._exit(128 + number)
        self.received = number
        if self._at_once:
            self.check()
