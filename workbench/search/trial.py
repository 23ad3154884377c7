"""A trial as the search sees it."""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from workbench.contract.metric import Group, Mistake
from workbench.contract.task import ENSEMBLE
from workbench.execution.work import Result

Values = dict[str, float]


@dataclass(eq=False)
class Trial:
    """One model with one set of hyperparameters, fitted and scored once; finalists are scored further.

    A trial equals itself alone, so that to look for one among many compares no fields.

    Args:
        number: from 1, in the order in which trials were handed out.
        model: its name.
        params: every hyperparameter.
        seed: of its fit.
        id: a UUID as 32 hexadecimal digits.
        reports: step -> value, as the fit reported it.
        result: how the search's fit ended; None while it runs.
        objective: the searched metric on a scale where larger is better: the mean over `draws`.
        interval: of the searched metric, 95 %.
        draws: the objective on each draw of valid, the search's own first.
        scored: of a finalist, draw -> under which id its values per example lie.
        shared_anew: of a finalist, seconds of what its model's trials share, where no fit has had a part before.
        temperatures: of a finalist, what its probabilities are to be calibrated by, as each further draw has it.
        tied: whether the leader's advantage over this finalist may be noise.
        rank: among the finalists, from 1; None for other trials.
        test: metrics on test; empty for trials that are no finalists.
        test_intervals: their 95 % intervals.
        groups: the result on test, broken down.
        mistakes: the worst ones on test.
        refit_seconds: wall time of the final fit on train and valid.
        note: what the user should know, such as a refit that failed; written by `remark`.
        model_folder: where the fitted model lies, if it was kept.
        search_folder: where the search's own fit of it lies, if it was its model's best.
        earlier: whether it is of an earlier session of the run, so that what only the run's folder held is gone.
    """

    number: int
    model: str
    params: Mapping[str, Any]
    seed: int
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    reports: dict[int, float] = field(default_factory=dict)
    result: Result | None = None
    objective: float | None = None
    interval: tuple[float, float] | None = None
    draws: list[float] = field(default_factory=list)
    scored: dict[int, str] = field(default_factory=dict)
    shared_anew: float = 0.0
    temperatures: list[float | None] = field(default_factory=list)
    tied: bool = False
    rank: int | None = None
    test: Values = field(default_factory=dict)
    test_intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    refit_seconds: float | None = None
    note: str = ""
    model_folder: str | None = None
    search_folder: str | None = None
    earlier: bool = False

    @property
    def state(self) -> str:
        """`running`, or how it ended."""
        return "running" if self.result is None else self.result.state

    def remark(self, *texts: str) -> None:
        """Add to `note` what is not there yet."""
        for text in texts:
            if text not in self.note:
                self.note = f"{self.note}; {text}" if self.note else text

    @property
    def is_ensemble(self) -> bool:
        """Whether it is several trials' models that answer together; its params are their ids and weights."""
        return self.model == ENSEMBLE

    @property
    def temperature(self) -> float | None:
        """What its probabilities are to be calibrated by: the mean of what each draw has; None where it has none."""
        own = None if self.result is None else self.result.temperature
        known = [value for value in (own, *self.temperatures) if value is not None]
        return statistics.geometric_mean(known) if known else None

    @property
    def last_report(self) -> tuple[int, float] | None:
        """(step, value) of the furthest report."""
        return max(self.reports.items(), default=None)

    @property
    def cost(self) -> float:
        """Seconds a worker was busy with it."""
        if self.result is None:
            return 0.0
        return self.result.fit_seconds + self.result.score_seconds + self.result.shared_seconds

    @property
    def cost_anew(self) -> float:
        """Of a finalist, seconds that it is expected to take on another part, for as many epochs as were best."""
        result = self.result
        if result is None:
            return 0.0
        epochs = min(1.0, (result.epochs or math.inf) / max(1, len(self.reports)))
        return epochs * result.fit_seconds + result.score_seconds + self.shared_anew


@dataclass(frozen=True)
class Sizes:
    """How the final fit of a trial compares with what it was in the search.

    Args:
        folds: on how many the search scores each trial.
        thinning: how many times as many examples test has, for what the search scores was thinned.
        growth: how many times as many examples there are to fit on.
    """

    folds: int = 1
    thinning: float = 1.0
    growth: float = 1.0

    def final(self, trial: Trial) -> float:
        """Seconds that the fit on train and valid, and its scoring on test, are expected to take."""
        return (self.growth * trial.cost_anew + self.extra([trial])) / self.folds

    def extra(self, trials: Sequence[Trial]) -> float:
        """Seconds that scoring these one after the other, as an ensemble does, takes more on test than on a draw."""
        return (self.thinning - 1) * sum(trial.result.score_seconds for trial in trials if trial.result is not None)


@dataclass(frozen=True)
class Past:
    """What the earlier sessions of a run have left; nothing for a new run.

    Args:
        trials: those with a result, in order of number.
        again: (model, params) that were tried without coming to a result.
        last_number: the largest number given out.
        finalists: ids of the trials that were ranked, the best first.
        draws: on how many draws of valid they were compared.
    """

    trials: tuple[Trial, ...] = ()
    again: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    last_number: int = 0
    finalists: tuple[str, ...] = ()
    draws: int = 0


class Observer(Protocol):
    """Hears of everything as it happens; the search knows nothing of stores and screens."""

    def trial_started(self, trial: Trial) -> None:
        """A trial was handed out."""

    def trial_ended(self, trial: Trial) -> None:
        """A trial has its result."""

    def search_ended(self, shares: Sequence[Any]) -> None:
        """The search is over; each model's `workbench.search.allocation.Share` of it."""

    def stage(self, name: str) -> None:
        """The run went on to `search`, `selection` or `refit`."""


def stable_seed(*parts: object) -> int:
    """A seed from 0 to 2**32 - 1 that depends on the parts alone, not on the process."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def canonical(params: Mapping[str, Any]) -> str:
    """Equal texts for equal hyperparameters."""
    return json.dumps(params, sort_keys=True)
