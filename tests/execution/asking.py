"""Questions about the models of `workbench_faulty`, and waiting for answers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.execution.pool import Pool
from workbench.execution.work import Describe, Event, Fit, Report, Result

PATIENCE = 60.0
"""Seconds after which a test gives up waiting for what must come."""


def question(model: str, /, *, save: Path | None = None, seed: int = 0, search: bool = True, **params: Any) -> Fit:
    """To fit a model of `workbench_faulty` on train and score it on valid."""
    return Fit(
        uuid.uuid4().hex,
        f"workbench_faulty.models:{model}",
        params,
        seed,
        train="train",
        score="valid",
        metrics=("ndcg@10", "recall@10"),
        search=search,
        save=None if save is None else str(save),
    )


def describe(model: str) -> Describe:
    """To describe a model of `workbench_faulty`."""
    return Describe(
        uuid.uuid4().hex, f"workbench_faulty.models:{model}", {"users": 40, "items": 30, "interactions": 200}
    )


def answers(pool: Pool, count: int = 1) -> tuple[list[Any], list[Report]]:
    """(the next so many answers, what was reported meanwhile)."""
    found: list[Event] = []
    give_up = time.monotonic() + PATIENCE
    while sum(not isinstance(event, Report) for event in found) < count:
        found += pool.events(1.0)
        assert time.monotonic() < give_up, "no answer"
    return [event for event in found if not isinstance(event, Report)], [
        event for event in found if isinstance(event, Report)
    ]


def ask(pool: Pool, asked: Fit | Describe, seconds: float | None = None) -> Any:
    """The answer to one question, stopped after so many seconds."""
    pool.submit(asked, None if seconds is None else time.monotonic() + seconds)
    (answer,), _ = answers(pool)
    assert answer.id == asked.id
    return answer


def works(pool: Pool) -> Result:
    """Whether the next trial runs in a good worker; its result."""
    result = ask(pool, question("Good"))
    assert isinstance(result, Result)
    assert (result.state, result.reason) == ("complete", "")
    return result


def until(holds: Callable[[], Any]) -> Any:
    """Wait for something that must come."""
    give_up = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < give_up, "it never came"
        time.sleep(0.02)
    return found
