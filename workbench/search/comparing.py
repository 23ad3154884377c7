"""How sure one may be of the finalists' order: intervals, ties, whether a gain is more than chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.contract.metric import Metric
from workbench.metrics.significance import Mean, clear, mean_over_draws
from workbench.search.trial import Trial

CHEAP = 0.5
"""Of the best's cost: what counts as cheaper, since costs are as rough as they are."""

NEGLIGIBLE = 0.5
"""Seconds: a best that costs less is cheap enough."""

ALIKE = 0.005
"""Of the best's value: a lead that users would notice is not given away, however few examples there are to prove it."""

Values = tuple[Any, Any, Any] | None
"""(values per example, which examples, in which folds); None where the metric is no mean over examples."""


def compare(ranked: Sequence[Trial], metric: Metric, values: Callable[[str], Values]) -> None:
    """Give every finalist the interval of its mean, and mark those that the leader does not clearly beat.

    Args:
        ranked: from the best.
        metric: that is searched.
        values: of a draw's id.
    """
    for trial in ranked:
        joined = _joined(trial, set(trial.scored), values)
        half = math.inf if joined is None else mean_over_draws(*joined).half_width()
        if math.isfinite(half):
            trial.interval = metric.interval(metric.objective(trial.objective or 0.0), half)
    leader = ranked[0]
    leads = [(trial, lead(leader, trial, metric, values)) for trial in ranked[1:]]
    known = [(trial, difference) for trial, difference in leads if difference is not None]
    for (trial, _), is_clear in zip(known, clear([difference for _, difference in known]), strict=True):
        trial.tied = not is_clear
    leader.tied = any(trial.tied for trial in ranked[1:])


def prefer_cheap(
    ranked: list[Trial], metric: Metric, values: Callable[[str], Values], cost: Callable[[Trial], float]
) -> None:
    """Put the cheapest of those that are as good as the best first, where it is far cheaper.

    As good means within one standard error on several draws (Breiman et al., "Classification and Regression Trees",
    1984, section 3.4.3): a tie may hide twice as much, which is more than a cheaper model is worth. On a few hundred
    examples a standard error is much too, so that the values must be alike besides. An ensemble leads by more than
    that, or there were none.

    Args:
        ranked: from the best, compared.
        metric: that is searched.
        values: of a draw's id.
        cost: of fitting and scoring a trial once; seconds, to be compared.
    """
    best = ranked[0]
    if best.is_ensemble or len(best.draws) < 2 or cost(best) < NEGLIGIBLE:
        return
    leads = [(trial, lead(best, trial, metric, values)) for trial in ranked[1:] if trial.tied and not trial.is_ensemble]
    equals = [
        trial
        for trial, by in leads
        if by is not None and by.value < by.error and len(trial.draws) == len(best.draws) and _alike(best, trial)
    ]
    cheapest = min(equals, key=cost, default=best)
    if cost(cheapest) < CHEAP * cost(best):
        ranked.remove(cheapest)
        ranked.insert(0, cheapest)
        cheapest.remark(f"as good as {best.model} {best.id[:4]} within a standard error, and cheaper")


def _alike(best: Trial, other: Trial) -> bool:
    reached = best.objective or 0.0
    return reached - (other.objective or 0.0) <= ALIKE * abs(reached)


def lead(first: Trial, second: Trial, metric: Metric, values: Callable[[str], Values]) -> Mean | None:
    """By how much one finalist is better than another, paired over examples and draws; None if unknown.

    Its `value` is above 0 where the first is better, whatever the metric's direction.
    """
    common = set(first.scored) & set(second.scored)  # a finalist may have failed on a draw
    one, other = _joined(first, common, values), _joined(second, common, values)
    if one is None or other is None:
        return None
    difference = one[0].astype(np.float64) - other[0]
    return mean_over_draws(metric.objective(1.0) * difference, *one[1:])


def _joined(trial: Trial, draws: set[int], values: Callable[[str], Values]) -> tuple[Any, Any, Any] | None:
    """(values, examples, draws) over some draws, in order; a fold is a draw of its own."""
    parts = [values(trial.scored[draw]) for draw in sorted(draws)]
    there = [part for part in parts if part is not None]
    if not there or len(there) < len(parts):
        return None
    found, examples, folds = (np.concatenate(column) for column in zip(*there, strict=True))
    which = np.repeat(sorted(draws), [len(part[0]) for part in there])
    return found, examples, which * (int(folds.max(initial=0)) + 1) + folds
