"""How a run's time is spent, on a clock that is moved by hand: never more than there is, and hardly any is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from tests.search.conftest import METRIC, Log
from workbench.contract.metric import Metric
from workbench.execution.work import Fit, Result
from workbench.search.allocation import Candidate
from workbench.search.budget import Budget, makespan
from workbench.search.fits import Fits
from workbench.search.loop import Search
from workbench.search.selection import Selection, finalists

OWNER_SECONDS = 0.005
"""What the owner takes to hand a trial out, and again to write it down."""

STORING_SECONDS = 0.25
"""What it takes to store the best models."""


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Endless:
    """A space that has always one more."""

    asked: int = 0
    exhausted: bool = False

    def ask(self) -> dict[str, int]:
        self.asked += 1
        return {"x": self.asked}

    def tell(self, *told: Any) -> None: ...

    def put_back(self, params: Any) -> None: ...


@dataclass
class TimedPool:
    """Workers whose fits take what `seconds` says; those beyond their deadline are stopped."""

    clock: Clock
    size: int
    seconds: Callable[[Fit], float]
    rng: np.random.Generator
    running: list[tuple[float, float, float, Fit]] = field(default_factory=list)

    @property
    def idle(self) -> int:
        return self.size - len(self.running)

    def submit(self, question: Fit, deadline: float | None = None) -> None:
        self.clock.now += OWNER_SECONDS
        seconds = self.seconds(question)
        self.running.append((self.clock.now + seconds, seconds, deadline or float("inf"), question))

    def events(self, timeout: float) -> list[Result]:
        if not self.running:
            return []
        first = min(self.running, key=lambda entry: min(entry[0], entry[2]))
        ends, seconds, deadline, question = first
        if min(ends, deadline) > self.clock.now + timeout:
            self.clock.now += timeout
            return []
        self.running.remove(first)
        self.clock.now = max(self.clock.now, min(ends, deadline)) + OWNER_SECONDS
        if ends > deadline:
            return [Result(question.id, "timeout", "stopped at its deadline", fit_seconds=seconds)]
        value = float(self.rng.random())
        return [Result(question.id, "complete", metrics={METRIC: value}, fit_seconds=seconds)]

    def cancel(self, reason: str) -> None: ...


def left_over(clock: Clock, folder: Path, seed: int, seconds: float, workers: int, slowest: float) -> float:
    """The share of a run's time that is left when all its stages have ended."""
    rng = np.random.default_rng(seed)
    costs = {f"m{number}": cost for number, cost in enumerate(np.geomspace(slowest / 20, slowest, 9))}

    def takes(question: Fit) -> float:
        grown = 1.1 if question.train == "train_valid" else 1.0
        return float(costs[question.load] * grown * rng.lognormal(0.0, 0.15))

    pool = TimedPool(clock, workers, takes, rng)
    budget = Budget(seconds, clock.now - 1.5)  # reading
    models = [Candidate(name, name, cost, Endless()) for name, cost in costs.items()]  # type: ignore[arg-type]
    metric, metrics = Metric(METRIC, ""), (METRIC,)
    trials = Search(
        pool, folder, models, metric, metrics, budget, None, None, seed, Log(), lambda: False  # type: ignore[arg-type]
    ).run()  # fmt: skip
    fits = Fits(pool, folder, {name: name for name in costs}, metrics, budget, lambda: False)  # type: ignore[arg-type]
    selection = Selection(fits, metric, 3, False, Log())
    ranked = selection.rank(*finalists(trials, "m0"), len(trials) + 1, lambda draw: True)
    selection.refit(ranked)
    assert ranked[0].test, "at least one is finished"
    clock.now += STORING_SECONDS
    return 1 - budget.elapsed / seconds


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(("seconds", "slowest"), [(20.0, 0.5), (60.0, 2.0), (600.0, 20.0)])
def test_hardly_any_time_is_left_and_never_too_much_is_taken(
    workers: int, seconds: float, slowest: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    shares = [left_over(clock, tmp_path, seed, seconds, workers, slowest) for seed in range(3)]
    assert min(shares) >= 0
    assert median(shares) < 0.06


def test_the_longest_go_first_to_whoever_is_free() -> None:
    assert makespan([1, 1, 2], 2) == 2
    assert makespan([3, 1, 1, 1], 2) == 3
    assert makespan([1, 2, 3], 1) == 6
    assert makespan([], 2) == 0
