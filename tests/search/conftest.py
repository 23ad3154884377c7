"""A pool that answers at once, from a function, so that the search can be tested without processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from workbench.execution.work import Description, Fit, Result, Weigh, Weighed
from workbench.search.allocation import Candidate
from workbench.search.study import ModelStudy
from workbench.search.trial import Trial
from workbench.space import Float, to_json

METRIC = "ndcg@10"


@dataclass
class FakePool:
    """Answers every question by `answer`, in order.

    Args:
        answer: what each fit gives.
        size: how many questions can wait.
        asked: every question so far.
        weigh: what a question for weights gives.
        deadlines: of each question.
    """

    answer: Callable[[Fit], Result]
    size: int = 1
    asked: list[Any] = field(default_factory=list)
    weigh: Callable[[Weigh], Weighed] = lambda question: Weighed(question.id, error="nobody can")
    deadlines: list[float | None] = field(default_factory=list)
    _waiting: list[Any] = field(default_factory=list)

    @property
    def idle(self) -> int:
        return self.size - len(self._waiting)

    def submit(self, question: Fit | Weigh, deadline: float | None = None) -> None:
        self.asked.append(question)
        self.deadlines.append(deadline)
        self._waiting.append(question)

    def events(self, timeout: float) -> list[Result | Weighed]:
        if not self._waiting:
            return []
        question = self._waiting.pop(0)
        return [self.weigh(question) if isinstance(question, Weigh) else self.answer(question)]

    def cancel(self, reason: str) -> None:
        self.answer = lambda question: Result(question.id, "cancelled", reason)
        self.weigh = lambda question: Weighed(question.id, error=f"its worker {reason}")


def scored(question: Fit, value: float, seconds: float = 1.0) -> Result:
    """A complete result."""
    return Result(question.id, "complete", metrics={METRIC: value}, fit_seconds=seconds)


def candidate(name: str, seconds: float = 1.0, space: Any = None) -> Candidate:
    """A model with one hyperparameter `x` from 0 to 1, default 0.5, unless another space is given."""
    space = {"x": Float(0, 1)} if space is None else space
    description = Description(name, hyperparameters=dict.fromkeys(space, 0.5), space=to_json(space))
    return Candidate(name, f"nowhere:{name}", seconds, ModelStudy(name, description, {}, seed=0))


def ended(model: str, objective: float | None, number: int = 1, seconds: float = 1.0) -> Trial:
    """A trial that has ended, with this objective or in failure."""
    state = "failed" if objective is None else "complete"
    id = f"{model}{number}"  # the tests draw by it, and would not be the same each time with a random one
    trial = Trial(number, model, {}, seed=0, id=id, result=Result("", state, fit_seconds=seconds))
    trial.objective = objective
    trial.draws = [] if objective is None else [objective]
    return trial


@dataclass
class Log:
    """An observer that remembers."""

    started: list[int] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    reports: list[float] = field(default_factory=list)

    def trial_started(self, trial: Trial) -> None:
        self.started.append(trial.number)

    def trial_reported(self, trial: Trial, report: Any) -> None:
        self.reports.append(report.value)

    def trial_ended(self, trial: Trial) -> None:
        self.finished.append(trial.state)

    def stage(self, name: str) -> None: ...


@pytest.fixture
def log() -> Log:
    return Log()
