"""What a fit reports on its way, and what the search says to it."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.errors import ModelError, Pruned
from workbench.execution import work
from workbench.execution.scoring import is_finite

PATIENCE = 30.0
"""Seconds after which a report goes on without its verdict: as long as a write to the database may take."""


@dataclass
class Reporter:
    """Posts the reports of one fit, and stops it when the search has said so.

    Args:
        id: of the question that is being answered.
        kind: whether reports are posted, and their verdicts awaited.
        send: posts to the search.
        verdicts: where the search's verdicts arrive, those on earlier fits among them.
        score: the searched metric of the model as it stands.
        deadline: the `time.monotonic()` beyond which no verdict is waited for.
    """

    id: str
    kind: work.Reports
    send: Callable[[work.Report], None]
    verdicts: queue.SimpleQueue[work.Verdict]
    score: Callable[[], float]
    deadline: float | None
    stop: str = ""
    posted: int = 0

    def __call__(self, step: Any, value: Any) -> float:
        """Post a report, or what the model as it stands scores; returns the value.

        Raises:
            Pruned: the search said stop, to this report or to an earlier one.
            ModelError: a step or a value that cannot be used, or one report too many.
        """
        if value is None:
            value = self.score()
        if not is_finite(value):
            raise ModelError(f"report({step}, {value!r}): a finite number is needed")
        if not 0 <= int(step) < 2**31:
            raise ModelError(f"report({step!r}, {value!r}): the step must count from 0 to {2**31 - 1}")
        if self.kind == "scored":
            return float(value)
        if self.posted == work.MOST_REPORTS:
            raise ModelError(f"report({step!r}, {value!r}): one fit may report {work.MOST_REPORTS:,} times")
        self.posted += 1
        self.send(work.Report(self.id, int(step), float(value)))
        if self.kind == "awaited":
            self._wait_for(int(step))
        while not self.verdicts.empty():
            self._hear(self.verdicts.get())
        if self.stop:
            raise Pruned(self.stop)
        return float(value)

    def _wait_for(self, step: int) -> None:
        give_up = min(time.monotonic() + PATIENCE, self.deadline or float("inf"))
        while (left := give_up - time.monotonic()) > 0:
            try:
                verdict = self.verdicts.get(timeout=left)
            except queue.Empty:
                return
            if self._hear(verdict) and verdict.step == step:
                return

    def _hear(self, verdict: work.Verdict) -> bool:
        """Whether it is on this fit."""
        mine = verdict.id == self.id
        if mine:
            self.stop = self.stop or verdict.stop
        return mine
