"""The main job, top to bottom: read, split, plan, search, select, refit, store."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.contract.split import Split
from workbench.errors import CannotGoOn, LostLease, NoResult, RunStopped, StoreFailure
from workbench.execution.observers import Observers
from workbench.execution.pool import Pool
from workbench.execution.work import Setup
from workbench.folders import run_folder, sweep_folders
from workbench.interrupts import Interrupts
from workbench.observing import run_record
from workbench.parts import divide, draw_parts, lay_out, map_parts
from workbench.planning import Plan, Question, ask, check_device, plan, source, suited, worker_memory
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
from workbench.shortage import shortage, told
from workbench.store.database import Database
from workbench.store.writer import RunWriter


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
        RunStopped: the database or the machine refused what the run needed.
        CannotGoOn: the machine lacks what is needed to begin.
        LostLease: another process has taken the run over.
    """
    settings = session.settings
    budget = Budget(math.inf if settings.time is None else settings.time, started)
    registry = Registry.discovered(settings.no_plugin)
    session.check_plugins(registry)
    question = ask(registry, settings)
    database = Database(url, create=session.run is None)
    interrupts = Interrupts()
    with told(), interrupts.watching(), run_folder() as folder, contextlib.closing(database):
        database.check_writable()
        setup = Setup(str(folder), question.offer.spec.load, settings.thread_count, settings.device, question.scorers)
        with Pool(setup, settings.worker_count, worker_memory(settings), budget.grace) as pool:
            for notice in session.notices:
                screen.notice(notice)
            if session.run is not None:
                sweep_folders()  # the session before may have been killed
            pool.start()
            check_device(pool, settings.device, interrupts.check)
            with interrupts.at_once():
                dataset = question.task.read(source(question.task, settings, folder), question.options)
            session.check_data(dataset)
            question = suited(question, settings, dataset.data)
            reading = budget.elapsed
            split, thinning = divide(dataset, question, settings)
            session.check_split(split)
            interrupts.check()
            screen.data_read(dataset, split)
            lay_out(folder, question, settings, dataset, split)
            pool.protect(folder / "parts")
            drawing = (budget.elapsed - reading) / 2  # a draw is a split again, but for test
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
            sizes = Sizes(settings.folds or 1, thinning, len(split.train_valid) / len(split.train))
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
        lacking = str(error) if isinstance(error, CannotGoOn) else shortage(error)
        with contextlib.suppress(StoreFailure):  # then the run is lost, as it would be without its process
            state = "interrupted" if lacking else "failed"
            recorder.finish(state, lacking or f"{type(error).__name__}: {error}", spent())
        if lacking:
            raise RunStopped(lacking, writer.run, database) from error
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
            drawn = draw_parts(self.folder, self.question.task, split, draw, self.settings.seed)
            self.pool.protect(self.folder / "parts")
            return drawn

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
