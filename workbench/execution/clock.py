"""What one fit costs, and its result."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from workbench.execution import work
from workbench.execution.memory import private_memory
from workbench.printable import printable

TRACEBACK_KEPT = 20_000


class Clock:
    """Measures one fit."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.device = "cpu"
        self.seconds = {"fit": 0.0, "score": 0.0, "shared": 0.0, "once": 0.0}
        self.cpu = time.process_time()

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.started

    @contextlib.contextmanager
    def measure(self, stage: str) -> Any:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start

    def result(self, id: str, state: work.State, reason: str = "", trace: str = "", **values: Any) -> work.Result:
        return work.Result(
            id,
            state,
            reason,
            printable(trace)[-TRACEBACK_KEPT:],
            fit_seconds=max(0.0, self.seconds["fit"] - self.seconds["shared"] - self.seconds["once"]),
            score_seconds=self.seconds["score"],
            shared_seconds=self.seconds["shared"],
            once_seconds=self.seconds["once"],
            device=self.device,
            cpu_seconds=time.process_time() - self.cpu,
            peak_memory_bytes=private_memory(os.getpid()),
            **values,
        )
