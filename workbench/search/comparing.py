"""How sure one may be of the finalists' order: intervals, ties, whether a gain is more than chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.contract.metric import Metric
from workbench.metrics.significance import clearly_different, paired_z
from workbench.search.trial import Trial

CHEAP = 0.5
"""Of the best's cost: what counts as cheaper, since costs are as rough as they are."""

NEGLIGIBLE = 0.5
"""Seconds: a best that costs less is cheap enough."""

ALIKE = 0.005
"""Of the best's value: a lead that users would notice is not given away, however few examples there are to prove it."""

Values = tuple[Any, Any] | None
"""(values per example, which examples); None where the metric is no mean over examples."""


def compare(ranked: Sequence[Trial], metric: Metric, values: Callable[[str], Values]) -> None:
    """Give every finalist the interval of its mean, and mark those that the leader does not clearly beat.

    Args:
        ranked: from the best.
        metric: that is searched.
        values: of a draw's id.
    """
    for trial in ranked:
        joined = _joined(trial, set(trial.scored), values)
        half = math.inf if joined is None else _half_width(*joined[:2])
        if math.isfinite(half):
            mean = metric.objective(trial.objective or 0.0)
            trial.interval = mean - half, mean + half
    leader = ranked[0]
    for trial in ranked[1:]:
        z = lead(leader, trial, metric, values)
        if z is not None:
            trial.tied = not clearly_different(z, len(ranked) - 1)
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
    known = [trial for trial, z in leads if z is not None and z < 1 and len(trial.draws) == len(best.draws)]
    equals = [trial for trial in known if _alike(best, trial)]
    cheapest = min(equals, key=cost, default=best)
    if cost(cheapest) < CHEAP * cost(best):
        ranked.remove(cheapest)
        ranked.insert(0, cheapest)
        cheapest.remark(f"as good as {best.model} {best.id[:4]} within a standard error, and cheaper")


def _alike(best: Trial, other: Trial) -> bool:
    reached = best.objective or 0.0
    return reached - (other.objective or 0.0) <= ALIKE * abs(reached)


def lead(first: Trial, second: Trial, metric: Metric, values: Callable[[str], Values]) -> float | None:
    """By how many standard errors one finalist is better than another, paired over examples; None if unknown."""
    common = set(first.scored) & set(second.scored)  # a finalist may have failed on a draw
    one, other = _joined(first, common, values), _joined(second, common, values)
    if one is None or other is None:
        return None
    return metric.objective(1.0) * paired_z(one[0], other[0], *one[1:])


def _joined(trial: Trial, draws: set[int], values: Callable[[str], Values]) -> tuple[Any, Any, Any] | None:
    """(values, examples, draws) over some draws, in order."""
    parts = [values(trial.scored[draw]) for draw in sorted(draws)]
    there = [part for part in parts if part is not None]
    if not there or len(there) < len(parts):
        return None
    which = np.repeat(sorted(draws), [len(part[0]) for part in there])
    return np.concatenate([part[0] for part in there]), np.concatenate([part[1] for part in there]), which


def _half_width(values: Any, examples: Any) -> float:
    """Half of the 95 % interval of the mean; an example met in several draws counts once."""
    _, group = np.unique(examples, return_inverse=True)
    means = np.bincount(group, values.astype(np.float64)) / np.bincount(group)
    if len(means) < 2:
        return math.inf
    return float(1.96 * means.std(ddof=1) / len(means) ** 0.5)
