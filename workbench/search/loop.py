"""The search loop: choose a model, ask for hyperparameters, have them tried, tell."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.contract.metric import Metric
from workbench.execution.pool import Pool, check_can_go_on
from workbench.execution.work import Event, Fit, Report, Result, Verdict
from workbench.search.allocation import Candidate, choose, explain
from workbench.search.budget import FINISH_OVERHEAD, Budget
from workbench.search.pruning import Pruning
from workbench.search.reserve import seconds_to_finish
from workbench.search.trial import Observer, Past, Sizes, Trial, stable_seed

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
        past: what earlier sessions left: their trials count, and what they did not finish is tried once more first.
        drawing: seconds that it takes to draw another valid.
        sizes: of what is fitted and scored in the end.
        ensembles: whether an ensemble is made in the end.
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
    past: Past = field(default_factory=Past)
    drawing: float = 0.0
    sizes: Sizes = field(default_factory=Sizes)
    ensembles: bool = False

    def run(self) -> list[Trial]:
        """Search until time, trials or ideas run out; returns every trial with its result, those of the past first."""
        began = self.budget.elapsed
        self._recall()
        trials = self._search()
        self.observer.search_ended(explain(self.candidates, self.budget.bounded, began, self.budget.elapsed))
        return trials

    def _recall(self) -> None:
        """Begin where the past has ended."""
        by_name = {candidate.name: candidate for candidate in self.candidates}
        self._pruning = Pruning(self.metric)
        for trial in self.past.trials:
            if trial.model in by_name:
                by_name[trial.model].recall(trial, self._pruned_at(trial))
                self._pruning.ended(trial)
        self._again = [(by_name[model], params) for model, params in self.past.again if model in by_name]
        self._ready: tuple[Candidate, Mapping[str, Any]] | None = None
        self._number = self.past.last_number

    def _search(self) -> list[Trial]:
        trials = list(self.past.trials)
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
                self._ready = self._ready or self._next(len(trials) + 1, self.budget.left - self.reserve())
            events = self.pool.events(POLL_SECONDS)
            for event in events:
                self._hear(event, running)
            check_can_go_on(events)

    def _more(self, trials: list[Trial]) -> bool:
        if self.interrupted():
            return False
        counted = sum(trial.model != self.uncounted for trial in trials)
        baseline_due = not self.candidates[0].started
        return baseline_due or self.max_trials is None or counted < self.max_trials

    def _start(self, ordinal: int) -> tuple[Candidate, Trial] | None:
        reserve = self.reserve()
        left = self.budget.left - reserve
        chosen, self._ready = self._ready, None
        if chosen is not None and not self._fits(chosen[0], left):
            chosen[0].study.put_back(chosen[1])
            chosen = None
        chosen = chosen or self._next(ordinal, left)
        if chosen is None:
            return None
        candidate, params = chosen
        first_baseline = candidate is self.candidates[0] and not candidate.started
        candidate.started += 1
        self._number += 1
        trial = Trial(self._number, candidate.name, params, stable_seed(self.seed, candidate.name, params))
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
            reports="awaited" if self.pool.size == 1 else "posted",
            folds=self.sizes.folds,
        )
        self.observer.trial_started(trial)
        self.pool.submit(question, deadline)
        return candidate, trial

    def _next(self, ordinal: int, left: float) -> tuple[Candidate, Mapping[str, Any]] | None:
        """What to try as the trial that is the so manieth with a result, in so many seconds; None for nothing."""
        while self._again:
            candidate, params = self._again.pop(0)
            if self._fits(candidate, left):
                candidate.study.claim(params)
                return candidate, params
        while True:
            # A generator for each trial: what is drawn depends on the trials before, not on when the run was resumed.
            rng = np.random.default_rng(stable_seed(self.seed, "allocation", ordinal))
            chosen = choose(self.candidates, self.budget.bounded, rng, lambda each: self._fits(each, left))
            if chosen is None:
                return None
            asked = chosen.study.ask()
            if asked is not None:
                return chosen, asked

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
        baseline = self.candidates[0].name
        finish = seconds_to_finish(ended, baseline, self.pool.size, self.drawing, self.sizes, self.ensembles)
        return self.budget.capped(FINISH_OVERHEAD + finish)
