"""The search loop: choose a model, ask for hyperparameters, have them tried, tell."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.contract.metric import Metric
from workbench.execution.pool import Pool
from workbench.execution.work import Event, Fit, Report, Result, Verdict
from workbench.search.allocation import Candidate, choose, explain
from workbench.search.budget import CAUTION, FINISH_OVERHEAD, Budget, makespan
from workbench.search.pruning import Pruning
from workbench.search.selection import DRAWS, FINALISTS, finalists
from workbench.search.trial import Observer, Trial, stable_seed

POLL_SECONDS = 0.25
STARTING_SECONDS = 0.1
TRIAL_CAUTION = 1.3
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
        drawing: seconds that it takes to draw another valid.
        folds: on how many each trial is scored.
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
    drawing: float = 0.0
    folds: int = 1

    def __post_init__(self) -> None:
        self._pruning = Pruning(self.metric)
        self._rng = np.random.default_rng(stable_seed(self.seed, "allocation"))
        self._next: tuple[Candidate, dict[str, Any]] | None = None

    def run(self) -> list[Trial]:
        """Search until time, trials or ideas run out; every trial handed out is returned with its result."""
        began = self.budget.elapsed
        trials = self._search()
        self.observer.search_ended(explain(self.candidates, self.budget.bounded, began, self.budget.elapsed))
        return trials

    def _search(self) -> list[Trial]:
        trials: list[Trial] = []
        running: dict[str, tuple[Candidate, Trial]] = {}
        while True:
            while self.pool.idle and self._more(trials):
                started = self._start(len(trials) + 1)
                if started is None:
                    break
                trials.append(started[1])
                running[started[1].id] = started
            if not running:
                return trials
            if self.interrupted():
                self.pool.cancel("the run was interrupted")
            elif self.pool.size > 1 and not self.pool.idle and self._more(trials):
                # Asking takes time that no worker should wait for. One worker waits: its next question may then
                # depend on its last answer, and one seed gives the same trials twice.
                self._next = self._next or self._choose()
            for event in self.pool.events(POLL_SECONDS):
                self._hear(event, running)

    def _more(self, trials: list[Trial]) -> bool:
        if self.interrupted():
            return False
        counted = sum(trial.model != self.uncounted for trial in trials)
        baseline_due = not self.candidates[0].started
        return baseline_due or self.max_trials is None or counted < self.max_trials

    def _choose(self) -> tuple[Candidate, dict[str, Any]] | None:
        """What to try next."""
        left = self.budget.left - self.reserve()
        while True:
            candidate = choose(self.candidates, self.budget.bounded, self._rng, lambda each: self._fits(each, left))
            if candidate is None:
                return None
            params = candidate.study.ask()
            if params is not None:
                return candidate, params

    def _fits(self, candidate: Candidate, left: float) -> bool:
        """Whether one more trial of a model has room in the seconds that are left."""
        is_baseline = candidate is self.candidates[0] and not candidate.started
        only_yardstick = candidate.name == self.uncounted and candidate.started
        fits = is_baseline or self._need(candidate) < left
        if fits:
            candidate.dropped_at = None
        elif candidate.dropped_at is None:
            candidate.dropped_at = self.budget.elapsed
        return fits and not only_yardstick

    def _start(self, number: int) -> tuple[Candidate, Trial] | None:
        reserve = self.reserve()
        chosen, self._next = self._next, None
        if chosen is None or not self._fits(chosen[0], self.budget.left - reserve):
            chosen = self._choose()
        if chosen is None:
            return None
        candidate, params = chosen
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
            # One worker waits for each verdict, so that one seed gives the same trials twice.
            folds=self.folds,
            reports="awaited" if self.pool.size == 1 else "posted",
        )
        self.observer.trial_started(trial)
        self.pool.submit(question, deadline)
        return candidate, trial

    def _need(self, candidate: Candidate) -> float:
        """Seconds that one more trial should have left; a worker that must be stopped is lost time."""
        slowest = max((trial.cost for trial in candidate.trials), default=0.0)
        return max(TRIAL_CAUTION * candidate.seconds(self.budget.bounded), slowest) + STARTING_SECONDS

    def _hear(self, event: Event, running: dict[str, tuple[Candidate, Trial]]) -> None:
        if event.id not in running:
            return
        candidate, trial = running[event.id]
        if isinstance(event, Report):
            self._judge(trial, event)
        elif isinstance(event, Result):
            del running[event.id]
            trial.result = event
            trial.remark(*event.notes)
            name = self.metric.name
            if event.state == "complete":
                trial.objective = self.metric.objective(event.metrics[name])
                trial.draws = [*map(self.metric.objective, event.folds)] or [trial.objective]
                trial.interval = event.intervals.get(name)
            self._keep_best(candidate, trial)
            candidate.trials.append(trial)
            self._pruning.ended(trial)
            candidate.study.tell(trial.params, trial.objective, self._pruned_at(trial))
            self.observer.trial_ended(trial)

    def _judge(self, trial: Trial, report: Report) -> None:
        """Let a trial go on or not; where it does not wait to hear it, only the latter is news."""
        trial.reports[report.step] = report.value
        stop = self._pruning.reason(trial, report.step)
        if stop or self.pool.size == 1:
            self.pool.reply(Verdict(trial.id, report.step, stop))

    def _pruned_at(self, trial: Trial) -> tuple[int, float] | None:
        if trial.state != "pruned" or trial.last_report is None:
            return None
        step, value = trial.last_report
        return step, self.metric.objective(value)

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
        costs = [trial.cost for trial in finalists(ended, self.candidates[0].name)]
        if not costs:
            return self.budget.capped(FINISH_OVERHEAD)
        rounds = makespan(costs[:FINALISTS], self.pool.size)
        refits = makespan([cost / self.folds for cost in costs], self.pool.size)
        draws = (DRAWS - 1) * (rounds + self.drawing) if self.folds == 1 else 0.0
        # A draw begins only where it and the final fits have room to spare.
        spare = (CAUTION - 1) * (rounds + refits)
        return self.budget.capped(FINISH_OVERHEAD + draws + refits + spare)
