"""The search loop: choose a model, ask for hyperparameters, have them tried, tell."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.contract.metric import Metric
from workbench.execution.pool import Pool
from workbench.execution.work import Event, Fit, Report, Result
from workbench.search.allocation import Candidate, choose
from workbench.search.budget import FINISH_OVERHEAD, Budget
from workbench.search.selection import DRAWS, finalists
from workbench.search.trial import Observer, Trial, stable_seed

POLL_SECONDS = 0.25
STARTING_SECONDS = 0.1
CAUTION = 1.3
"""A trial is expected to cost this much more than its model's mean, when asking whether it still fits."""


@dataclass
class Search:
    """One run's search.

    Args:
        pool: where trials run.
        folder: where each model's best fit is kept until the end of the run, in case a final fit fails.
        candidates: the models, the baseline first.
        metric: that is searched.
        metrics: names of all that are computed, the searched one first.
        budget: of the run.
        max_trials: at most so many; None for no bound.
        uncounted: the name of a model that was added as a yardstick and does not count against `max_trials`.
        seed: of the run.
        observer: hears of everything.
        interrupted: says whether the user asked to stop.
    """

    pool: Pool
    folder: Path
    candidates: Sequence[Candidate]
    metric: Metric
    metrics: tuple[str, ...]
    budget: Budget
    max_trials: int | None
    uncounted: str | None
    seed: int
    observer: Observer
    interrupted: Callable[[], bool]

    def run(self) -> list[Trial]:
        """Search until time, trials or ideas run out; every trial handed out is returned with its result."""
        trials: list[Trial] = []
        running: dict[str, tuple[Candidate, Trial]] = {}
        rng = np.random.default_rng(stable_seed(self.seed, "allocation"))
        while True:
            while self.pool.idle and self._more(trials):
                started = self._start(len(trials) + 1, rng)
                if started is None:
                    break
                trials.append(started[1])
                running[started[1].id] = started
            if not running:
                return trials
            if self.interrupted():
                self.pool.cancel("the run was interrupted")
            for event in self.pool.events(POLL_SECONDS):
                self._hear(event, running)

    def _more(self, trials: list[Trial]) -> bool:
        if self.interrupted():
            return False
        counted = sum(trial.model != self.uncounted for trial in trials)
        baseline_due = not self.candidates[0].started
        return baseline_due or self.max_trials is None or counted < self.max_trials

    def _start(self, number: int, rng: np.random.Generator) -> tuple[Candidate, Trial] | None:
        reserve = self.reserve()
        left = self.budget.left - reserve

        def fits(candidate: Candidate) -> bool:
            is_baseline = candidate is self.candidates[0] and not candidate.started
            only_yardstick = candidate.name == self.uncounted and candidate.started
            return is_baseline or (not only_yardstick and self._need(candidate) < left)

        while True:
            candidate = choose(self.candidates, self.budget.bounded, rng, fits)
            if candidate is None:
                return None
            params = candidate.study.ask()
            if params is not None:
                break
        first_baseline = candidate is self.candidates[0] and not candidate.started
        candidate.started += 1
        trial = Trial(number, candidate.name, params, stable_seed(self.seed, candidate.name, params))
        # The baseline alone may overrun, so that every run has a model.
        deadline = None if first_baseline else self.budget.deadline(reserve)
        question = Fit(
            trial.id,
            candidate.load,
            params,
            trial.seed,
            train="train",
            score="valid",
            metrics=self.metrics,
            search=True,
            seconds=None if deadline is None else max(0.0, deadline - time.monotonic()),
            save=str(self.folder / f"{trial.id}-search"),
            better_than=None if candidate.best is None else self.metric.objective(candidate.best.objective or 0.0),
            larger_is_better=self.metric.larger_is_better,
        )
        self.observer.trial_started(trial)
        self.pool.submit(question, deadline)
        return candidate, trial

    def _need(self, candidate: Candidate) -> float:
        """Seconds that one more trial should have left; a worker that must be stopped is lost time."""
        slowest = max((trial.cost for trial in candidate.trials), default=0.0)
        return max(CAUTION * candidate.seconds(self.budget.bounded), slowest) + STARTING_SECONDS

    def _hear(self, event: Event, running: dict[str, tuple[Candidate, Trial]]) -> None:
        if event.id not in running:
            return
        candidate, trial = running[event.id]
        if isinstance(event, Report):
            self.observer.trial_reported(trial, event)
        elif isinstance(event, Result):
            del running[event.id]
            trial.result = event
            trial.remark(*event.notes)
            name = self.metric.name
            if event.state == "complete":
                trial.objective = self.metric.objective(event.metrics[name])
                trial.draws = [trial.objective]
                trial.interval = event.intervals.get(name)
            self._keep_best(candidate, trial)
            candidate.trials.append(trial)
            candidate.study.tell(trial.params, trial.objective)
            self.observer.trial_ended(trial)

    def _keep_best(self, candidate: Candidate, trial: Trial) -> None:
        """Remember where the fitted model is if it is its model's best, and forget the one before."""
        folder, before = self.folder / f"{trial.id}-search", candidate.best
        if not folder.exists():
            return
        if trial.objective is None or (before is not None and trial.objective <= (before.objective or 0.0)):
            shutil.rmtree(folder, ignore_errors=True)
            return
        trial.search_folder = str(folder)
        if before is not None and before.search_folder is not None:
            shutil.rmtree(before.search_folder, ignore_errors=True)
            before.search_folder = None

    def reserve(self) -> float:
        """Seconds that the finish will need, from what the finalists as they stand have cost."""
        if not self.budget.bounded:
            return 0.0
        ended = [trial for candidate in self.candidates for trial in candidate.trials]
        chosen, yardstick = finalists(ended, self.candidates[0].name)
        costs = [trial.cost for trial in chosen + yardstick]
        if not costs:
            return self.budget.capped(FINISH_OVERHEAD)
        # The further draws, an ensemble's answers and weights, the final fit, and room to spare: each begins only
        # where what comes after it fits too.
        fits = DRAWS - 1 + 2 + 1 + 1
        # No more can run at once than there are workers or finalists, and one fit cannot be divided.
        spread = max(sum(costs) / min(self.pool.size, len(costs)), max(costs))
        return self.budget.capped(FINISH_OVERHEAD + fits * spread) if math.isfinite(spread) else 0.0
