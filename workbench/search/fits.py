"""Fits for the finish of a run: handed out all at once, each answered before the caller goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.execution import values
from workbench.execution.pool import Pool, check_can_go_on
from workbench.execution.work import Fit, Result, Weigh, Weighed
from workbench.search.budget import Budget, makespan
from workbench.search.trial import Trial

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Fits:
    """Has models fitted and scored by a pool.

    Args:
        pool: where fits run.
        folder: of the run.
        loads: model -> where its class is.
        metrics: names of all that are computed, the searched one first.
        budget: of the run.
        interrupted: says whether the user asked to stop.
    """

    pool: Pool
    folder: Path
    loads: Mapping[str, str]
    metrics: tuple[str, ...]
    budget: Budget
    interrupted: Callable[[], bool]

    def question(self, trial: Trial, train: str, score: str, tag: str, **how: Any) -> Fit:
        """Asks for a trial's model to be fitted on one part and scored on another; `how` are fields of `Fit`.

        It gets as many epochs as were best in the search.
        """
        load = self.loads.get(trial.model, "")
        seconds = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        asked = Fit(
            self.id_of(trial, tag),
            load,
            trial.params,
            trial.seed,
            train,
            score,
            self.metrics,
            search=False,
            seconds=seconds,
            reports="ignored",
            epochs=None if trial.result is None else trial.result.epochs,
        )
        return replace(asked, **how)

    @property
    def deadline(self) -> float | None:
        """The `time.monotonic()` by which all must have ended."""
        return self.budget.deadline()

    def run(self, questions: Iterable[Fit], deadline: float | None) -> dict[str, Result]:
        """Have questions answered, as many at once as there are workers: id -> answer, less what an interrupt left."""
        return {event.id: event for event in self._run(list(questions), deadline) if isinstance(event, Result)}

    def weigh(self, question: Weigh, deadline: float | None) -> Weighed | None:
        """Have models weighed; None after an interrupt."""
        answers = self._run([question], deadline)
        return next((event for event in answers if isinstance(event, Weighed)), None)

    def _run(self, waiting: list[Fit] | list[Weigh], deadline: float | None) -> list[Result | Weighed]:
        running: set[str] = set()
        answers: list[Result | Weighed] = []
        while waiting or running:
            while waiting and self.pool.idle and not self.interrupted():
                question = waiting.pop(0)
                running.add(question.id)
                self.pool.submit(question, deadline)
            if self.interrupted():
                waiting.clear()
                self.pool.cancel("the run was interrupted")
            events = self.pool.events(POLL_SECONDS)
            check_can_go_on(events)
            for event in events:
                if isinstance(event, Result | Weighed) and event.id in running:
                    running.remove(event.id)
                    answers.append(event)
        return answers

    @staticmethod
    def id_of(trial: Trial, tag: str) -> str:
        """Of a question about a trial: by its number, since ids are names of files, and may have come with a row."""
        return f"{int(trial.number)}-{tag}"

    def model_folder(self, trial: Trial, tag: str) -> Path:
        """Where a fitted model of this trial is put."""
        return self.folder / "models" / self.id_of(trial, tag)

    def values(self, id: str) -> tuple[Any, Any, Any] | None:
        """(values per example, which examples, in which folds) of the searched metric, where it is a mean of such."""
        return values.read(self.folder, id)

    def round_seconds(self, trials: Sequence[Trial]) -> float:
        """What one round of fits is expected to take."""
        return self.spread([trial.cost_anew for trial in trials])

    def spread(self, costs: Sequence[float]) -> float:
        """What fits that cost so many seconds each are expected to take, as many at once as there are workers."""
        return makespan(costs, self.pool.size)
