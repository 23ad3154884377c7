"""The time of a run: a promise. All clocks here are monotonic."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

MAX_GRACE = 5.0
GRACE_SHARE = 0.02
MAX_RESERVE_SHARE = 0.4
FINISH_OVERHEAD = 0.5
CAUTION = 1.1
"""Fits begin only where there is time for this much more than they are expected to take."""


@dataclass(frozen=True)
class Budget:
    """How much time there is and when it began.

    Args:
        seconds: of the whole run; infinite when only the number of trials bounds it.
        started: `time.monotonic()` when the clock started.
    """

    seconds: float
    started: float

    @property
    def bounded(self) -> bool:
        """Whether time bounds the run."""
        return math.isfinite(self.seconds)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds until the end, grace taken off; never negative."""
        return max(0.0, self.seconds - self.grace - self.elapsed)

    @property
    def grace(self) -> float:
        """Seconds a worker gets between being asked to end and being killed; inside the budget."""
        return min(MAX_GRACE, GRACE_SHARE * self.seconds) if self.bounded else MAX_GRACE

    def deadline(self, reserve: float = 0.0) -> float | None:
        """The `time.monotonic()` at which work must stop so that `reserve` seconds remain; None without a bound."""
        return self.started + self.seconds - self.grace - reserve if self.bounded else None

    def capped(self, reserve: float) -> float:
        """A reserve that leaves the search most of the time."""
        return min(reserve, MAX_RESERVE_SHARE * self.seconds)


def makespan(costs: Sequence[float], workers: int) -> float:
    """Seconds that workers take for fits of these costs: the longest first, each by the first worker that is free."""
    busy = [0.0] * max(1, workers)
    for cost in sorted(costs, reverse=True):
        busy[busy.index(min(busy))] += cost
    return max(busy)
