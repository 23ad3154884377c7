"""Which trials are not worth finishing: the median rule.

A trial stops at a step if its best value so far is worse than the median of the best values so far of its model's
earlier trials at that step (Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section
3.2.1; that paper takes running averages of the earlier trials, here both sides are bests, so that a noisy step harms
neither). Earlier trials that were pruned or stopped by themselves count with the best they had come to, so that the
survivors do not raise the bar from trial to trial. The best so far is never below the median, and so is never pruned.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import median

from workbench.contract.metric import Metric
from workbench.search.trial import Trial

TRIALS_BEFORE = 4
"""No trial is pruned before so many of its model have reported."""

STEPS_BEFORE = 0.2
"""Nor before this share of the steps of the model's longest trial: the first ones say little."""


@dataclass
class _Curve:
    """The best objective of one trial after each of its steps."""

    steps: list[int]
    bests: list[float]

    def at(self, step: int) -> float | None:
        """At a step, or where the trial ended before; None before its first step."""
        reached = bisect_right(self.steps, step)
        return self.bests[reached - 1] if reached else None


@dataclass
class Pruning:
    """Judges the reports of one run's trials.

    Args:
        metric: that is searched and reported.
    """

    metric: Metric
    _curves: dict[str, list[_Curve]] = field(default_factory=dict)

    def ended(self, trial: Trial) -> None:
        """Later trials are measured against what this one reported."""
        if trial.reports and trial.state in ("complete", "pruned"):
            steps = sorted(trial.reports)
            values = (self.metric.objective(trial.reports[step]) for step in steps)
            self._curves.setdefault(trial.model, []).append(_Curve(steps, list(accumulate(values, max))))

    def reason(self, trial: Trial, step: int) -> str:
        """Why a trial should stop at the step that it has just reported; empty if it should go on."""
        curves = self._curves.get(trial.model, [])
        others = [best for curve in curves if (best := curve.at(step)) is not None]
        if len(others) < TRIALS_BEFORE or step < STEPS_BEFORE * max(curve.steps[-1] for curve in curves):
            return ""
        own, middle = max(map(self.metric.objective, trial.reports.values())), median(others)
        if own >= middle:
            return ""
        worse = "below" if self.metric.larger_is_better else "above"
        values = f"{self.metric.objective(own):.4g}, {worse} the median {self.metric.objective(middle):.4g}"
        return f"at step {step}: {values} of {len(others)} earlier trials"
