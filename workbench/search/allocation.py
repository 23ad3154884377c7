"""Which model gets the next trial.

The baseline first, then each model's first trial in order of estimated cost, as soon as the search has taken as
long as it is to cost: so no more than about half of a search goes into finding out what slow models are worth. All
other trials go to the model that is expected to beat the best so far at the least cost. That is FLAML's rule (Wang
et al., "FLAML: A Fast and Lightweight AutoML Library", MLSys 2021, section 4.2): a model is drawn with a chance in
proportion to the inverse of its estimated cost for improvement, so none is starved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench.search.study import ModelStudy
from workbench.search.trial import Trial
from workbench.wording import counted

PRIOR_GAIN = 0.02
"""Of the best objective: what a model that has not improved yet is expected to gain at the price of all its trials."""

FAILURES_ALLOWED = 3
"""A model that has ended so many trials without one score gets no more."""

AT_ONCE = 2.0
"""Seconds: a first trial that is to cost no more waits for nothing."""

LONG_SHARE = 0.1
"""Of the search's time: a model whose trials have not fitted for longer than that has to do with less than its due."""

_LEAST_SECONDS = 1e-3


@dataclass
class Candidate:
    """A model in the search.

    Args:
        name: of the model.
        load: where its class is.
        estimated_seconds: of one trial, by the model's own word.
        study: its search.
        trials: in the order in which they ended.
        started: how many trials were handed out.
        dropped_at: seconds since the start of the run when its trials ceased to fit the time left; None if they fit.
    """

    name: str
    load: str
    estimated_seconds: float
    study: ModelStudy
    trials: list[Trial] = field(default_factory=list)
    started: int = 0
    dropped_at: float | None = None

    def recall(self, trial: Trial, pruned_at: tuple[int, float] | None = None) -> None:
        """Count in a trial of an earlier session; `pruned_at` as in `ModelStudy.tell`."""
        self.started += 1
        self.trials.append(trial)
        self.study.tell(trial.params, trial.objective, pruned_at)

    def seconds(self, clocks: bool) -> float:
        """What one more trial is expected to cost: measured where clocks may be used, else estimated."""
        costs = [trial.cost for trial in self.trials]
        expected = float(np.mean(costs)) if clocks and costs else self.estimated_seconds
        return max(expected, _LEAST_SECONDS)

    @property
    def hopeless(self) -> bool:
        """Whether it was tried and tried and never scored."""
        return len(self.trials) >= FAILURES_ALLOWED and self.best is None

    @property
    def best(self) -> Trial | None:
        """Its trial with the largest objective; the earlier of equals."""
        scored = [trial for trial in self.trials if trial.objective is not None]
        return max(scored, key=lambda trial: (trial.objective, -trial.number), default=None)


def choose(
    candidates: Sequence[Candidate], clocks: bool, rng: np.random.Generator, fits: Callable[[Candidate], bool]
) -> Candidate | None:
    """The model that gets the next trial; None when none can have one.

    Args:
        candidates: the baseline first.
        clocks: False where only counts and estimates may decide, so that a run can be repeated.
        rng: for the draw, which uses as many numbers however many models can have a trial, so that a resumed run
            draws as an unbroken one.
        fits: whether there is time left for one more trial of a model.
    """
    able = [each for each in candidates if not each.study.exhausted and not each.hopeless and fits(each)]
    untried = [each for each in able if not each.started]
    if untried:
        if untried[0] is candidates[0]:
            return untried[0]
        cheapest = min(untried, key=lambda each: each.estimated_seconds)
        spent = sum(trial.cost for each in candidates for trial in each.trials)
        able = [each for each in able if each.started]
        if not (clocks and able) or cheapest.estimated_seconds <= max(spent, AT_ONCE):
            return cheapest
    if not able:
        return None
    leaders = [each.best.objective for each in candidates if each.best and each.best.objective is not None]
    leader = max(leaders, default=0.0)
    # The first of independent exponential clocks is a draw in proportion to their rates.
    clock = dict(zip((each.name for each in candidates), rng.exponential(size=len(candidates)), strict=True))
    return min(able, key=lambda each: clock[each.name] * cost_for_improvement(each, leader, clocks))


def cost_for_improvement(candidate: Candidate, leader: float, clocks: bool) -> float:
    """The expected cost, in seconds, until this model improves on the best of all models."""
    one = candidate.seconds(clocks)
    spent, best, first = 0.0, -np.inf, None
    at_best = before_best = 0.0
    for trial in candidate.trials:
        spent += max(trial.cost, _LEAST_SECONDS) if clocks else one
        if trial.objective is None:
            continue
        first = trial.objective if first is None else first
        if trial.objective > best:
            best, before_best, at_best = trial.objective, at_best, spent
    if first is None:
        return max(one, spent) * (1 + len(candidate.trials))
    own = max(one, spent - at_best, at_best - before_best)
    gap = leader - best
    if gap <= 0:
        return own
    gain = max(best - first, PRIOR_GAIN * max(abs(leader), 1e-9))
    return max(own, 2 * gap / gain * spent)


@dataclass(frozen=True)
class Share:
    """What one model got of the search, and why no more; field by field as in table `run_model`.

    Args:
        model: its name.
        trials: how many ended.
        seconds: that workers were busy with them.
        best: its best objective.
        allocation: why, in a phrase, as it was when the search ended.
    """

    model: str
    trials: int
    seconds: float
    best: float | None
    allocation: str


def explain(candidates: Sequence[Candidate], clocks: bool, began: float, ended: float) -> list[Share]:
    """What each model got, and why.

    Args:
        candidates: as the search left them.
        clocks: as in `choose`.
        began: seconds since the start of the run when the search began.
        ended: the same of its end.
    """
    leader = max((each.best.objective or 0.0 for each in candidates if each.best), default=0.0)
    shares = []
    for each in candidates:
        best = each.best.objective if each.best else None
        why = _why(each, leader, clocks, ended - LONG_SHARE * (ended - began))
        shares.append(Share(each.name, len(each.trials), sum(trial.cost for trial in each.trials), best, why))
    return shares


def _why(candidate: Candidate, leader: float, clocks: bool, late: float) -> str:
    one = _seconds(candidate.seconds(clocks))
    if not candidate.started:
        return "the search ended before its turn" if candidate.dropped_at is None else f"no time for a trial of {one}"
    if candidate.hopeless:
        return f"stopped after {counted(len(candidate.trials), 'trial')} without a score"
    if candidate.study.exhausted:
        return "has tried all there is" if candidate.study.space else "has nothing to search"
    if candidate.dropped_at is not None and candidate.dropped_at < late:
        return f"from {_seconds(candidate.dropped_at)} on, no time for one more trial of {one}"
    cost = cost_for_improvement(candidate, leader, clocks)
    count = round(cost / candidate.seconds(clocks))
    expected = _seconds(cost) if clocks else counted(count, "trial")
    leads = "leads; " if candidate.best and candidate.best.objective == leader else ""
    return f"{leads}{expected} to an improvement expected"


def _seconds(value: float) -> str:
    return f"{value:,.1f} s" if value < 10 else f"{value:,.0f} s"
