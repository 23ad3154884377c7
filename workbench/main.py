"""The main job, top to bottom: read, split, plan, search, select, refit, store."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.contract.split import Split
from workbench.contract.task import Task
from workbench.data import mapped
from workbench.errors import NoResult, SettingsError
from workbench.execution.pool import Pool
from workbench.execution.work import Setup
from workbench.folders import run_folder
from workbench.interrupts import Interrupts
from workbench.planning import Plan, Question, ask, check_device, cross_validated, plan, source, worker_memory
from workbench.recording import Recorder, Screen, run_row
from workbench.registry import Registry
from workbench.result import RunResult, no_result_reason, summarise
from workbench.search.budget import Budget
from workbench.search.loop import Search
from workbench.search.selection import Selection, finalists
from workbench.search.trial import Trial
from workbench.settings import RunSettings
from workbench.store.database import Database
from workbench.store.writer import RunWriter


def execute(settings: RunSettings, url: str, screen: Screen, started: float) -> RunResult:
    """One run, from its settings to its result.

    Args:
        settings: checked.
        url: address of the database.
        screen: shows the run.
        started: `time.monotonic()` when the clock of the budget started.

    Raises:
        UserError: the input is wrong.
        NoResult: no trial was completed.
    """
    budget = Budget(math.inf if settings.time is None else settings.time, started)
    registry = Registry.discovered(settings.no_plugin)
    question = ask(registry, settings)
    database = Database(url, create=True)
    interrupts = Interrupts()
    with interrupts.watching(), run_folder() as folder, contextlib.closing(database):
        setup = Setup(str(folder), question.offer.spec.load, settings.thread_count, settings.device, question.scorers)
        with Pool(setup, settings.worker_count, worker_memory(settings), budget.grace) as pool:
            pool.start()
            check_device(pool, settings.device, interrupts.check)
            dataset = question.task.read(source(question.task, settings), question.options)
            reading = budget.elapsed
            split = question.task.split(dataset, settings.split, settings.seed)
            split = cross_validated(split, settings.folds)
            interrupts.check()
            screen.data_read(dataset, split)
            write_parts(folder, question.task.kept_encoding(dataset, split), split)
            drawing = (budget.elapsed - reading) / 2  # a draw is a split again, but for test
            write_folds(folder, question.task, split, settings)
            planned = plan(
                pool, question.models, settings, budget, split.train, question.task.baseline, interrupts.check
            )
            screen.models_settled(planned.rows, question.metric)
            writer = RunWriter(database, run_row(settings, budget, question, dataset, split), planned.rows)
            recorder = Recorder(writer, screen, settings, question.plugins, question.metric)
            stages = Stages(question, settings, budget, pool, folder, recorder, interrupts, drawing)
            try:
                trials = stages.search(planned)
                ranked = stages.select(trials, planned, split)
            except BaseException as error:
                writer.finish("failed", f"{type(error).__name__}: {error}", stages.spent)
                raise
            reason = "" if ranked else no_result_reason(trials)
            state = "interrupted" if interrupts() else "complete" if ranked else "failed"
            writer.finish(state, reason, stages.spent)
        if not ranked and not interrupts():
            raise NoResult(
                f"run {writer.run} ended without a complete trial: {reason}; workbench show {writer.run} has more"
            )
        return RunResult(summarise(database, writer.run), interrupts.exit_code)


@dataclass
class Stages:
    """The stages of a run that take its time, and how much each took; it begins with reading."""

    question: Question
    settings: RunSettings
    budget: Budget
    pool: Pool
    folder: Path
    recorder: Recorder
    interrupts: Interrupts
    drawing: float
    stage: str = "read"
    booked: dict[str, float] = field(default_factory=dict)

    @property
    def spent(self) -> dict[str, float]:
        """Seconds by stage, which add up to what has passed."""
        now = self.budget.elapsed - sum(self.booked.values())
        return {**self.booked, self.stage: self.booked.get(self.stage, 0.0) + now}

    def search(self, planned: Plan) -> list[Trial]:
        """Try models and hyperparameters."""
        self._begin("search")
        self._announce()
        trials = Search(
            self.pool,
            self.folder / "models",
            planned.candidates,
            self.question.metric,
            self.question.metrics,
            self.budget,
            self.settings.trials,
            planned.uncounted,
            self.settings.seed,
            self.recorder,
            self.interrupts,
            self.drawing,
            self.settings.folds or 1,
        ).run()
        return trials

    def select(self, trials: Sequence[Trial], planned: Plan, split: Split[Any]) -> list[Trial]:
        """Rank the best trials, fit them again on all but test, score them on test, keep the best."""
        ranked = finalists(trials, self.question.task.baseline)
        if not ranked:
            return []
        selection = Selection(
            self.pool,
            self.folder,
            {candidate.name: candidate.load for candidate in planned.candidates},
            self.question.metric,
            self.question.metrics,
            self.budget,
            self.settings.keep,
            self.interrupts,
            folds=self.settings.folds or 1,
        )

        def write_draw(draw: int) -> bool:
            if draw == 1:
                self._announce()
            drawn = self.question.task.resample(split, draw, self.settings.seed)
            if drawn is not None:
                parts = mapped.Writer(self.folder / "parts")
                parts.write(drawn[0], f"train-{draw}")
                parts.write(drawn[1], f"valid-{draw}")
            return drawn is not None

        self._begin("selection")
        ranked = selection.rank(ranked, write_draw)
        self._begin("refit")
        self._announce()
        selection.refit(ranked)
        self.recorder.finalists_ended(ranked, self.folder / "encoding")
        return ranked

    def _begin(self, stage: str) -> None:
        self.booked, self.stage = self.spent, stage

    def _announce(self) -> None:
        if not self.interrupts():
            self.recorder.stage(self.stage)


def write_parts(folder: Path, encoding: Any, split: Split[Any]) -> None:
    """Put the parts where workers map them, and the encoding where it is stored from."""
    parts = mapped.Writer(folder / "parts")
    for name in ("train", "valid", "train_valid", "test"):
        parts.write(getattr(split, name), name)
    # With a writer of its own: what is stored may not point into what is swept away.
    mapped.Writer(folder).write(encoding, "encoding")


def write_folds(folder: Path, task: Task[Any], split: Split[Any], settings: RunSettings) -> None:
    """Put the folds beside the parts, if there are any.

    Raises:
        SettingsError: the task has none.
    """
    of = settings.folds or 0
    for number in range(1, of + 1):
        fold = task.fold(split, number, of, settings.seed)
        if fold is None:
            raise SettingsError(f"--folds {of}: task {settings.task} has no folds")
        for name, part in zip(("train", "valid"), fold, strict=True):
            if not len(part):
                raise SettingsError(f"--folds {of}: {name} of fold {number} would be empty; take fewer folds")
            mapped.Writer(folder / "parts").write(part, f"{name}-fold{number}")
