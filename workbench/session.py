"""A session: what a run was asked, what it has cost and, where it is resumed, what its earlier sessions have found."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.contract.metric import Metric
from workbench.contract.split import Dataset, Split
from workbench.contract.task import ENSEMBLE
from workbench.errors import DataError, PluginError, SettingsError
from workbench.execution.originals import DATA_CHANGED
from workbench.execution.work import Result
from workbench.registry import ModelOffer, Registry, TaskOffer
from workbench.search.budget import Budget
from workbench.search.trial import Past, Trial, canonical
from workbench.settings import RunSettings, available_cores
from workbench.shortage import NO_ROOM
from workbench.store import resuming
from workbench.store.database import Database
from workbench.store.rows import ModelRow, RunRow
from workbench.store.writer import OWNER_LOST, RunWriter

LOSSES_ALLOWED = 1
"""How often a setting may be lost with its owner, or with its disk or data, and still be tried again."""

_NOTHING = 0.01
"""Seconds not worth a word."""


@dataclass(frozen=True)
class Session:
    """One sitting of a run: its first, or one that goes on with it.

    Args:
        settings: what was asked; `time` is what this session may take.
        run: the number of the run to go on with; None for a new one. The rest is what its rows say.
        seconds: that the earlier sessions took.
        spent: the same by stage, as far as they came to write it down.
        fingerprint: of the data.
        split: the identity of the split.
        models: that have a score already.
        plugins: model -> the distribution and its version, of every model that was searched.
        task_plugin: the same of the task.
        notices: what the user should know of how it goes on.
    """

    settings: RunSettings
    run: int | None = None
    seconds: float = 0.0
    spent: Mapping[str, float] = field(default_factory=dict)
    fingerprint: str = ""
    split: str = ""
    models: frozenset[str] = frozenset()
    plugins: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    task_plugin: tuple[str, str] = ("", "")
    notices: tuple[str, ...] = ()

    def check_plugins(self, registry: Registry) -> None:
        """Make sure that what the run has searched can be searched on.

        Raises:
            PluginError: a plugin of it is gone, or what it offers is called otherwise now.
        """
        if self.run is None:
            return
        task = self.settings.task
        offers: list[tuple[str, TaskOffer | ModelOffer]] = [(task, registry.stored_task(task, *self.task_plugin))]
        offers += [(name, registry.stored_model(task, name, *plugin)) for name, plugin in self.plugins.items()]
        for name, offer in offers:
            if offer.name != name:
                raise PluginError(
                    f"{name!r} of run {self.run} is called {offer.name!r} now that other plugins are installed than "
                    f"then; switch off what has come (WORKBENCH_PLUGINS_OFF={offer.clash or '...'}), install again "
                    "what has gone, or start a new run"
                )

    def check_data(self, dataset: Dataset[Any]) -> None:
        """Make sure that the data is that of the run.

        Raises:
            DataError: it is not.
        """
        if self.run is not None and dataset.fingerprint != self.fingerprint:
            raise DataError(f"{dataset.name}: this is not the data of run {self.run} any more; start a new run")

    def check_split(self, split: Split[Any]) -> None:
        """Make sure that what comes can be compared with what is there.

        Raises:
            DataError: the data is not split as it was, by another version.
        """
        if self.run is not None and split.identity != self.split:
            raise DataError(f"run {self.run} was split {self.split!r}, now it is {split.identity!r}; start a new run")

    def begin(self, database: Database, row: RunRow, models: Sequence[ModelRow], budget: Budget) -> RunWriter:
        """From now on the run is this process's to write.

        Raises:
            UserError: another process owns it.
        """

        def seconds() -> float:
            return self.seconds + budget.elapsed

        if self.run is None:
            return RunWriter.begin(database, row, models, seconds)
        if self.settings.time is not None:
            total = self.seconds + self.settings.time
            row = replace(row, settings={**row.settings, "time": total}, budget_seconds=total)
        return RunWriter.take_over(database, self.run, row, models, seconds)

    def total(self, spent: Mapping[str, float]) -> dict[str, float]:
        """Seconds by stage, of all sessions; `lost` is what a session took that ended without writing it down."""
        before = dict(self.spent)
        unknown = self.seconds - sum(before.values())
        if unknown > _NOTHING:
            before["lost"] = before.get("lost", 0.0) + unknown
        return {stage: before.get(stage, 0.0) + spent.get(stage, 0.0) for stage in {**spent, **before}}


def resume(
    url: str,
    run: int,
    *,
    time: float | None = None,
    trials: int | None = None,
    data: Any = None,
    test_data: Any = None,
) -> Session:
    """The next session of a run.

    Args:
        url: address of the database.
        run: its number.
        time: a new budget from now, seconds; None for what is left of the run's own.
        trials: a new bound on the number of trials, those that are there counted in; None for the run's own.
        data: where the run's data is now; None for where it was.
        test_data: the same for its test part.

    Raises:
        UserError: there is no such run, its owner lives, its budget is spent, or its data was a table in memory.
    """
    with contextlib.closing(Database(url)) as database:
        row = resuming.resumable(database, run)
        ended = len(_sorted(_tried(database, run))[0])
    stored, notices = _bounded(_stored_settings(row, data, test_data))
    seconds = row["seconds"] or 0.0
    left = math.inf if row["budget_seconds"] is None else row["budget_seconds"] - seconds
    reached = row["state"] == "complete" and stored.trials is not None and ended >= stored.trials
    if row["state"] == "complete" and time is None and (trials is None or left <= 0):
        more = "--time 10m" if stored.time is not None else f"--trials {2 * (stored.trials or 1)} or --time 10m"
        raise SettingsError(f"run {run} is complete; give it more to do: workbench resume {run} {more}")
    settings = replace(
        stored,
        time=time if time is not None else None if math.isinf(left) else max(left, _NOTHING),
        trials=trials if trials is not None else None if reached and time is not None else stored.trials,
    )
    return Session(
        settings,
        run,
        seconds,
        row["spent"] or {},
        row["fingerprint"],
        row["split"],
        frozenset(row["models"]),
        row["searched"],
        (row["plugin"], row["version"]),
        notices,
    )


def _stored_settings(row: Mapping[str, Any], data: Any, test_data: Any) -> RunSettings:
    """A run's settings as its row has them, with where its data is now."""
    moved = {key: value for key, value in (("data", data), ("test_data", test_data)) if value is not None}
    stored = RunSettings.from_mapping({**row["settings"], **moved})
    gone = stored.gone()
    if gone is not None:
        key, how = gone
        raise SettingsError(
            f"run {row['id']} was given its {key} {how}; give it again, "
            f"in Python: workbench.resume({row['id']}, {key}=...)"
        )
    return stored


def _bounded(stored: RunSettings) -> tuple[RunSettings, tuple[str, ...]]:
    """Settings with no more workers and threads than this machine has cores, and what that changes.

    The stored numbers were chosen for the machine on which the run began, which may not be this one.
    """
    cores = available_cores()
    asked = {"workers": stored.workers, "threads": stored.threads}
    notices = [
        f"{cores} {name}, not {given} as the run was begun with: this machine has {cores} cores"
        for name, given in asked.items()
        if given is not None and given > cores
    ]
    most = {name: None if given is None else min(given, cores) for name, given in asked.items()}
    return replace(stored, workers=most["workers"], threads=most["threads"]), tuple(notices)


def recall(database: Database, run: int, metric: Metric, folds: int) -> Past:
    """What the earlier sessions of a run have found; nothing of a run that has just begun."""
    every = resuming.records(database, run)
    ended, unfinished = _sorted(_tried(database, run))
    trials = tuple(_trial(record, metric, folds) for record in ended)
    done = {_setting(record) for record in ended}
    again = {_setting(record): (record["model"], record["params"]) for record in unfinished}
    ranked = sorted((record for record in every if record["final_rank"]), key=lambda record: record["final_rank"])
    return Past(
        trials,
        tuple(pair for setting, pair in again.items() if setting not in done),
        max((record["number"] for record in every), default=0),
        tuple(record["uuid"] for record in ranked),
        ranked[0]["draws"] if ranked else 0,
    )


def _tried(database: Database, run: int) -> list[dict[str, Any]]:
    """What the search tried; an ensemble is made anew."""
    return [record for record in resuming.records(database, run) if record["model"] != ENSEMBLE]


def _setting(record: Mapping[str, Any]) -> tuple[str, str]:
    return record["model"], canonical(record["params"])


def _sorted(records: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(trials that have ended, trials that ended for no reason of their own).

    Whose owner was lost, or whose disk was full, is tried once more; if that is lost too, it may well be what takes
    owners away and fills disks.
    """
    lost = [record for record in records if _is_lost(record)]
    times = Counter(map(_setting, lost))
    unfinished = [
        record
        for record in records
        if record["state"] == "cancelled" or (record in lost and times[_setting(record)] <= LOSSES_ALLOWED)
    ]
    return [record for record in records if record not in unfinished], unfinished


def _is_lost(record: Mapping[str, Any]) -> bool:
    """Whether a trial ended for what had become of its run."""
    if record["state"] == "failed":
        return str(record["reason"]).startswith((NO_ROOM, DATA_CHANGED))
    return (record["state"], record["reason"]) == ("crashed", OWNER_LOST)


def _trial(record: Mapping[str, Any], metric: Metric, folds: int) -> Trial:
    """A trial as it was when the search had its result: as selection has found it since is in its row alone."""
    valid = record["valid"]
    result = Result(
        record["uuid"],
        record["state"],
        record["reason"],
        record["traceback"],
        metrics={name: value for name, (value, _, _) in valid.items()},
        intervals={name: (low, high) for name, (_, low, high) in valid.items() if low is not None},
        temperature=record["temperature"],
        fit_seconds=record["fit_seconds"] or 0.0,
        score_seconds=record["score_seconds"] or 0.0,
        shared_seconds=record["shared_seconds"] or 0.0,
        epochs=record["epochs"],
        device=record["device"],
        cpu_seconds=record["cpu_seconds"] or 0.0,
        peak_memory_bytes=record["peak_memory_bytes"] or 0,
    )
    trial = Trial(record["number"], record["model"], record["params"], record["seed"], record["uuid"], earlier=True)
    trial.result = result
    trial.reports = record["reports"]
    if record["final_rank"] is None:  # else it speaks of a selection that is made again
        trial.note = record["note"]
    if record["state"] == "complete":
        trial.objective = metric.objective(result.metrics[metric.name])
        trial.draws = [trial.objective] * folds  # of what each fold gave only the mean is kept
        trial.interval = result.intervals.get(metric.name)
    return trial
