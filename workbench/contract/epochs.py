"""Training in epochs: the best state is kept, and a refit trains exactly as long."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError

if TYPE_CHECKING:
    from workbench.contract.context import Context

CAUTION = 1.5
"""The next epoch may take this much longer than the longest so far."""


def epochs(context: Context, n: int) -> Iterator[int]:
    """See `Context.epochs`."""
    if context.fixed_epochs is not None:
        yield from range(context.fixed_epochs)
        return
    best: float | None = None
    state: dict[str, Any] = {}
    longest = scoring = 0.0
    try:
        for epoch in range(n):
            if epoch and context.seconds_left < CAUTION * longest + scoring:
                return
            context.reported = None
            began = time.monotonic()
            yield epoch
            fitted = time.monotonic()
            if context.reported is None:
                context.report(epoch + 1)
                scoring = max(scoring, time.monotonic() - fitted)
            longest = max(longest, time.monotonic() - began)
            value: float | None = context.reported
            if value is not None and (best is None or _better(value, best, context.larger_is_better)):
                best, context.best_epochs, state = value, epoch + 1, _learned(context.model)
    finally:  # after the last epoch, and after a `break` or `Pruned` too
        if context.model is not None:
            vars(context.model).update(state)


def _better(value: float, best: float, larger_is_better: bool) -> bool:
    return value > best if larger_is_better else value < best


def _learned(model: Any) -> dict[str, Any]:
    """Copies of what a model has learned so far."""
    if model is None:
        return {}
    learned = {name: value for name, value in vars(model).items() if name.endswith("_") and not name.startswith("_")}
    if not learned:
        raise ModelError(
            f"{type(model).__name__} has learned nothing that context.epochs could keep; "
            "set attributes that end in _ inside the loop"
        )
    return copy.deepcopy(learned)
