"""What is asked of a worker, and what it answers; all of it is JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from workbench.contract.metric import Group, Mistake
from workbench.errors import ModelError, PluginError
from workbench.printable import printable

REASON_KEPT = 1_000

MOST_REPORTS = 100_000
"""Reports that one fit may make; the owner and the database keep all of them."""

Reports = Literal["ignored", "scored", "posted", "awaited"]

State = Literal["complete", "pruned", "skipped", "invalid", "failed", "timeout", "memory", "crashed", "cancelled"]


@dataclass(frozen=True)
class Bounds:
    """Between which numbers a field of a message lies, both included."""

    low: float
    high: float


Count = Annotated[int, Bounds(0, 2**31 - 1)]
Size = Annotated[int, Bounds(0, 2**63 - 1)]
Seconds = Annotated[float, Bounds(0, math.inf)]
Temperature = Annotated[float, Bounds(math.ulp(0.0), math.inf)]


@dataclass(frozen=True)
class Setup:
    """Sent once to every worker.

    Args:
        folder: of the run; parts lie in `parts/`, values per example go to `values/`.
        task: where the task's class is, `"package.module:Class"`.
        threads: that a fit may use.
        device: `auto`, `cpu` or `cuda[:n]`.
        scorers: where the functions of plugins' metrics are, name -> `"package.module:function"`.
        slot: the worker's number, from 0; workers take the devices in turn.
    """

    folder: str
    task: str
    threads: int
    device: str
    scorers: Mapping[str, str] = field(default_factory=dict)
    slot: int = 0


@dataclass(frozen=True)
class Locate:
    """Asks for the device that the worker is bound to."""

    id: str


@dataclass(frozen=True)
class Describe:
    """Asks what a model is: its hyperparameters, space, needs and cost.

    Args:
        id: comes back with the answer.
        load: where the model's class is.
        shape: of the data.
    """

    id: str
    load: str
    shape: Mapping[str, int]


@dataclass(frozen=True)
class Fit:
    """Asks for one model to be fitted on one part and scored on another, or on each of several folds.

    Args:
        id: comes back with the answer.
        load: where the model's class is.
        params: hyperparameters.
        seed: of everything random in the fit.
        train: the part to fit on.
        score: the part to score on.
        metrics: to compute; the first is the searched one.
        search: whether `score` is a validation part that the model may look at while it is fitted.
        seconds: until the model should stop by itself; None for no bound.
        save: the folder for the fitted model; None to throw it away.
        better_than: the searched metric that a model must beat to be saved; None saves any.
        larger_is_better: the searched metric's direction.
        reports: what becomes of what the model reports: nothing; or it is scored, for `Context.epochs` alone; or it
            is posted too and the model goes on; or it waits for the verdict.
        epochs: how many `Context.epochs` gives, as the search found; None where that is to be found.
        folds: how many; with more than one, the parts are called `train-fold1`, `valid-fold1` and so on, and the
            result is the mean over them. Reports are of the first.
        restore: a folder with a fitted model, to be scored instead of fitting one.
        members: models to be scored together instead: their `load`, `params`, `folder` and `weight`.
        answers: whether the model's answers are left in `answers/{id}`, to be blended.
    """

    id: str
    load: str
    params: Mapping[str, Any]
    seed: int
    train: str
    score: str
    metrics: tuple[str, ...]
    search: bool
    seconds: float | None = None
    save: str | None = None
    better_than: float | None = None
    larger_is_better: bool = True
    reports: Reports = "posted"
    epochs: int | None = None
    folds: int = 1
    restore: str | None = None
    members: tuple[Mapping[str, Any], ...] = ()
    answers: bool = False

    @property
    def parts(self) -> list[tuple[str, str]]:
        """What to fit on and what to score on, one pair after another."""
        if self.folds == 1:
            return [(self.train, self.score)]
        return [(f"{self.train}-fold{fold}", f"{self.score}-fold{fold}") for fold in range(1, self.folds + 1)]


@dataclass(frozen=True)
class Weigh:
    """Asks how much several models should count when they answer together.

    Args:
        id: comes back with the answer; values per example go to `values/{id}` for the first draw, then `{id}-draw1`...
        parts: of each draw, the part that was scored.
        answers: of each draw, the ids under which each model's answers lie.
        metrics: to compute; the first is the one that decides.
        larger_is_better: its direction.
        seconds: until the worker should be content with what it has; None for no bound.
    """

    id: str
    parts: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    metrics: tuple[str, ...]
    larger_is_better: bool
    seconds: float | None = None


@dataclass(frozen=True)
class Check:
    """Asks a worker of the conformance kit whether a plugin keeps a promise.

    Args:
        id: comes back with the answer.
        about: what is to be checked, of the kit's own making.
    """

    id: str
    about: Mapping[str, Any]


Work = Describe | Locate | Fit | Weigh | Check


@dataclass(frozen=True)
class Verdict:
    """What the search says to a report.

    Args:
        id: of the question.
        step: that was reported.
        stop: why the fit should end; empty if it may go on.
    """

    id: str
    step: int
    stop: str = ""


@dataclass(frozen=True)
class Description:
    """What a model is.

    Args:
        id: of the question.
        error: why it cannot be used; empty if it can.
        hyperparameters: name -> default.
        space: as `workbench.space.to_json` writes it.
        starts: settings to try first.
        needs: what the data must have.
        estimate: (seconds, bytes) of one trial, or None.
    """

    id: str
    error: str = ""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Any] = field(default_factory=dict)
    starts: tuple[Mapping[str, Any], ...] = ()
    needs: tuple[str, ...] = ()
    estimate: tuple[Seconds, Annotated[float, Bounds(0, 2.0**62)]] | None = None


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Args:
        id: of the question.
        found: of the kit's own making.
        error: how the worker ended over it; empty if it did not.
        words: the last that it wrote on standard error.
    """

    id: str
    found: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    words: str = ""


@dataclass(frozen=True)
class Weighed:
    """How much several models count together.

    Args:
        id: of the question.
        error: why that cannot be said; empty if it can.
        weights: of each model, whole numbers.
        metrics: of the first draw, name -> value; like `draws` by weights that were chosen on other examples and draws.
        intervals: their 95 % intervals, of those that are means over examples.
        temperature: what their probabilities are to be calibrated by; None where they have none.
        draws: the deciding metric on each draw.
        gains: whether that is more than what the best of them reaches alone, by more than chance.
        seconds: that it took.
    """

    id: str
    error: str = ""
    weights: tuple[Count, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    temperature: Temperature | None = None
    draws: tuple[float, ...] = ()
    gains: bool = False
    seconds: Seconds = 0.0


@dataclass(frozen=True)
class Location:
    """The device that a worker is bound to, or why there is none."""

    id: str
    device: str = ""
    error: str = ""


@dataclass(frozen=True)
class Report:
    """A value that a fit reported on its way."""

    id: str
    step: Count
    value: float


@dataclass(frozen=True)
class Result:
    """How a fit ended.

    Args:
        id: of the question.
        state: how it ended.
        reason: why, in one line, unless complete.
        traceback: of a failure in the model.
        metrics: name -> value.
        intervals: name -> (low, high), 95 %, of metrics that are means over examples.
        groups: the metrics broken down, where the model was scored on test.
        mistakes: the worst ones, there too.
        temperature: what probabilities are to be calibrated by, where the search has scored them.
        notes: what the user should know although the fit is complete, such as a metric that is missing.
        fit_seconds: wall time of the fit, without what was shared.
        score_seconds: wall time of the scoring.
        shared_seconds: wall time of computations that other trials on the same part share.
        once_seconds: wall time of computations that no other fit of the run does again, whatever its part.
        epochs: after how many `Context.epochs` had the best state; None where it was not used.
        folds: the searched metric on each fold; empty without folds.
        device: that the model used; empty if that is not known.
        cpu_seconds: processor time of all of it, over all threads.
        peak_memory_bytes: largest private memory seen.
    """

    id: str
    state: State
    reason: str = ""
    traceback: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    temperature: Temperature | None = None
    notes: tuple[str, ...] = ()
    fit_seconds: Seconds = 0.0
    score_seconds: Seconds = 0.0
    shared_seconds: Seconds = 0.0
    once_seconds: Seconds = 0.0
    epochs: Count | None = None
    folds: tuple[float, ...] = ()
    device: str = ""
    cpu_seconds: Seconds = 0.0
    peak_memory_bytes: Size = 0


Event = Checked | Description | Location | Report | Result | Weighed


def reason(error: BaseException) -> str:
    """Why something failed, in one line."""
    try:
        message = str(error).strip()
    except Exception:  # noqa: BLE001 - an error that cannot even say what it is
        message = ""
    first_line = (message or "no message").splitlines()[0]
    known = isinstance(error, ModelError | PluginError)
    return printable(first_line if known else f"{type(error).__name__}: {first_line}")[:REASON_KEPT]
