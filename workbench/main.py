"""The main job, top to bottom: read, split, plan, search, select, refit, store."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.contract.split import Dataset, Split
from workbench.contract.task import Task
from workbench.data import mapped
from workbench.errors import LostLease, NoResult, RunStopped, SettingsError, StoreFailure
from workbench.execution.memory import give_back_memory
from workbench.execution.observers import Observers
from workbench.execution.pool import Pool
from workbench.execution.work import Setup
from workbench.folders import run_folder
from workbench.interrupts import Interrupts
from workbench.observing import run_record
from workbench.planning import Plan, Question, ask, check_device, cross_validated, plan, source, suited, worker_memory
from workbench.recording import Recorder, Screen, run_row
from workbench.registry import Registry
from workbench.result import RunResult, no_result_reason, summarise
from workbench.search.budget import Budget
from workbench.search.fits import Fits
from workbench.search.loop import Search
from workbench.search.selection import Selection, finalists
from workbench.search.trial import Past, Sizes, Trial
from workbench.session import Session, recall
from workbench.settings import RunSettings
from workbench.store.database import Database
from workbench.store.writer import RunWriter

PARTS = ("train", "valid", "train_valid", "test")

SEARCH_EXAMPLES = 20_000
"""Of a held-out part the search scores at most so many; test is scored whole."""


def execute(session: Session, url: str, screen: Screen, started: float) -> RunResult:
    """One session of a run, from its settings to its result.

    Args:
        session: a new run, or one to go on with.
        url: address of the database.
        screen: shows the run.
        started: `time.monotonic()` when the clock of the budget started.

    Raises:
        UserError: the input is wrong.
        NoResult: no trial was completed.
        RunStopped: the database refused what had to be written.
        LostLease: another process has taken the run over.
    """
    settings = session.settings
    budget = Budget(math.inf if settings.time is None else settings.time, started)
    registry = Registry.discovered(settings.no_plugin)
    session.check_plugins(registry)
    question = ask(registry, settings)
    database = Database(url, create=session.run is None)
    interrupts = Interrupts()
    with interrupts.watching(), run_folder() as folder, contextlib.closing(database):
        database.check_writable()
        setup = Setup(str(folder), question.offer.spec.load, settings.thread_count, settings.device, question.scorers)
        with Pool(setup, settings.worker_count, worker_memory(settings), budget.grace) as pool:
            pool.start()
            check_device(pool, settings.device, interrupts.check)
            dataset = question.task.read(source(question.task, settings), question.options)
            session.check_data(dataset)
            question = suited(question, settings, dataset.data)
            reading = budget.elapsed
            split, thinning = divide(dataset, question, settings)
            session.check_split(split)
            interrupts.check()
            screen.data_read(dataset, split)
            write_parts(folder, question.task.kept_encoding(dataset, split), split)
            drawing = (budget.elapsed - reading) / 2  # a draw is a split again, but for test
            write_folds(folder, question.task, split, settings)
            row = run_row(settings, budget, question, dataset, split)
            del dataset  # from here on the data is in files that all processes map
            split = map_parts(folder, question.task, split)
            models, baseline = question.models, question.task.baseline
            planned = plan(pool, models, settings, budget, split.train, baseline, interrupts.check, session.models)
            screen.models_settled(planned.rows, question.metric)
            writer = session.begin(database, row, planned.rows, budget)
            past = recall(database, writer.run, question.metric, settings.folds or 1)
            screen.recalled(past)
            record = run_record(row, writer.run, database.name)
            observers = Observers(registry.plugins)
            recorder = Recorder(writer, screen, settings, question.plugins, question.metric, observers, record)
            sizes = Sizes(settings.folds or 1, thinning)
            stages = Stages(question, settings, budget, pool, folder, recorder, interrupts, drawing, sizes)
            with (
                recorder.observed(budget),
                closing(writer, recorder, database.name, lambda: session.total(stages.spent)) as close,
            ):
                trials = stages.search(planned, past)
                ranked = stages.select(trials, planned, split, past)
                reason = "" if ranked else no_result_reason(trials)
                close("interrupted" if interrupts() else "complete" if ranked else "failed", reason)
        if not ranked and not interrupts():
            raise NoResult(
                f"run {writer.run} ended without a complete trial: {reason}; workbench show {writer.run} has more"
            )
        return RunResult(summarise(database, writer.run), interrupts.exit_code, question.task.usage)


def divide(dataset: Dataset[Any], question: Question, settings: RunSettings) -> tuple[Split[Any], float]:
    """The parts of the data, valid thinned where it is large; and how many times as large it was."""
    split = cross_validated(question.task.split(dataset, settings.split, settings.seed), settings.folds)
    valid = question.task.thinned(split.valid, SEARCH_EXAMPLES)
    if len(valid) == len(split.valid):
        return split, 1.0
    thinning = len(split.valid) / len(valid)
    summary = f"{split.summary} · the search scores {1 / thinning:.0%} of valid"
    return replace(split, valid=valid, summary=summary), thinning


@contextlib.contextmanager
def closing(
    writer: RunWriter, recorder: Recorder, database: str, spent: Callable[[], dict[str, float]]
) -> Iterator[Callable[[str, str], None]]:
    """Hold the run, and close its row with (state, reason), which is this function's value, or with what went wrong."""
    try:
        with writer.lease.held():
            yield lambda state, reason: recorder.finish(state, reason, spent())
    except LostLease:
        raise
    except StoreFailure as error:
        raise RunStopped(str(error), writer.run, database) from error
    except BaseException as error:
        with contextlib.suppress(StoreFailure):  # then the run is lost, as it would be without its process
            recorder.finish("failed", f"{type(error).__name__}: {error}", spent())
        raise


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
    sizes: Sizes
    stage: str = "read"
    booked: dict[str, float] = field(default_factory=dict)

    @property
    def spent(self) -> dict[str, float]:
        """Seconds by stage, which add up to what has passed."""
        now = self.budget.elapsed - sum(self.booked.values())
        return {**self.booked, self.stage: self.booked.get(self.stage, 0.0) + now}

    def search(self, planned: Plan, past: Past) -> list[Trial]:
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
            past,
            self.drawing,
            self.sizes,
            self.question.task.has_ensembles(),
        ).run()
        return trials

    def select(self, trials: Sequence[Trial], planned: Plan, split: Split[Any], past: Past) -> list[Trial]:
        """Rank the best trials, fit them again on all but test, score them on test, keep the best."""
        loads = {candidate.name: candidate.load for candidate in planned.candidates}
        estimates = {candidate.name: candidate.estimated_seconds for candidate in planned.candidates}
        usable = [trial for trial in trials if trial.model in loads]
        chosen, yardstick = finalists(usable, self.question.task.baseline)
        if not chosen + yardstick:
            return []
        fits = Fits(self.pool, self.folder, loads, self.question.metrics, self.budget, self.interrupts)
        selection = Selection(
            fits,
            self.question.metric,
            self.settings.keep,
            self.question.task.has_ensembles(),
            self.recorder,
            # Where clocks may not decide, what the models themselves expect to cost.
            (lambda trial: trial.cost) if self.budget.bounded else (lambda trial: estimates[trial.model]),
            past.draws,
            self.sizes,
        )

        def write_draw(draw: int) -> bool:
            if draw == 1:
                self._announce()
            drawn = self.question.task.resample(split, draw, self.settings.seed)
            if drawn is not None:
                parts = mapped.Writer(self.folder / "parts")
                parts.write(drawn[0], f"train-{draw}")
                parts.write(self.question.task.thinned(drawn[1], SEARCH_EXAMPLES), f"valid-{draw}")
            there = drawn is not None
            del drawn
            give_back_memory()
            return there

        self._begin("selection")
        ranked = selection.rank(
            chosen, yardstick, max(past.last_number, *(trial.number for trial in trials)) + 1, write_draw
        )
        self._begin("refit")
        self._announce()
        if len(ranked[0].draws) >= selection.draws_before:
            selection.refit(ranked)
            # What an earlier session found stands until there is as much to put in its place.
            if not (past.finalists and self.interrupts()):
                former = [trial for trial in trials if trial.id in past.finalists and trial not in ranked]
                self.recorder.finalists_ended(ranked, former, self.folder / "encoding")
        return ranked

    def _begin(self, stage: str) -> None:
        self.booked, self.stage = self.spent, stage

    def _announce(self) -> None:
        if not self.interrupts():
            self.recorder.stage(self.stage)


def write_parts(folder: Path, encoding: Any, split: Split[Any]) -> None:
    """Put the parts where workers map them, and the encoding where it is stored from."""
    parts = mapped.Writer(folder / "parts")
    for name in PARTS:
        parts.write(getattr(split, name), name)
    # With a writer of its own: what is stored may not point into what is swept away.
    mapped.Writer(folder).write(encoding, "encoding")


def map_parts(folder: Path, task: Task[Any], split: Split[Any]) -> Split[Any]:
    """The split with its parts as they lie in the folder, so that they take no memory of this process alone."""
    parts = {name: mapped.read(task.part, folder / "parts", name) for name in PARTS}
    give_back_memory()
    return replace(split, **parts)


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
        for name, part in zip(("train", "valid"), (fold[0], task.thinned(fold[1], SEARCH_EXAMPLES)), strict=True):
            if not len(part):
                raise SettingsError(f"--folds {of}: {name} of fold {number} would be empty; take fewer folds")
            mapped.Writer(folder / "parts").write(part, f"{name}-fold{number}")
