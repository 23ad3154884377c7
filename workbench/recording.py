"""From the search to the store and the screen: the callback that `main` hands to the search."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from workbench.contract.metric import Group, Metric
from workbench.contract.records import RunRecord, TrialRecord
from workbench.contract.split import Dataset, Split
from workbench.errors import LostLease, StoreError, StoreFailure
from workbench.execution.observers import Observers
from workbench.installed import DISTRIBUTION
from workbench.observing import seconds_to_drain, trial_record
from workbench.planning import Question
from workbench.search.allocation import Share
from workbench.search.budget import Budget
from workbench.search.trial import Past, Trial
from workbench.settings import RunSettings
from workbench.store.artifacts import Hashes
from workbench.store.rows import FinalistRow, Measured, ModelRow, RunRow, TrialRow
from workbench.store.writer import RunWriter


class Screen(Protocol):
    """Shows a run as it goes."""

    def data_read(self, dataset: Dataset[Any], split: Split[Any]) -> None:
        """The data was read and split."""

    def models_settled(self, models: Sequence[ModelRow], metric: Metric) -> None:
        """It is known which models are searched, and which are not and why."""

    def recalled(self, past: Past) -> None:
        """An earlier session of the run has left this."""

    def stage(self, name: str) -> None:
        """The run went on to `search`, `selection` or `refit`."""

    def trial_started(self, trial: Trial) -> None:
        """A trial was handed out."""

    def trial_ended(self, trial: Trial) -> None:
        """A trial has its result."""

    def notice(self, text: str) -> None:
        """Something that the user should know went otherwise than it should."""


class Silent:
    """Shows nothing."""

    def data_read(self, dataset: Dataset[Any], split: Split[Any]) -> None: ...

    def models_settled(self, models: Sequence[ModelRow], metric: Metric) -> None: ...

    def recalled(self, past: Past) -> None: ...

    def stage(self, name: str) -> None: ...

    def trial_started(self, trial: Trial) -> None: ...

    def trial_ended(self, trial: Trial) -> None: ...

    def notice(self, text: str) -> None: ...


class Recorder:
    """Writes what the search reports, then shows it and tells observers: what they hear is stored already.

    Args:
        writer: of the run.
        screen: of the user.
        settings: of the run.
        plugins: model -> its distribution.
        metric: the searched one.
        observers: that hear of it.
        run: what they are told of the run.
    """

    def __init__(
        self,
        writer: RunWriter,
        screen: Screen,
        settings: RunSettings,
        plugins: Mapping[str, str],
        metric: Metric,
        observers: Observers,
        run: RunRecord,
    ) -> None:
        self._writer, self._screen, self._settings = writer, screen, settings
        self._plugins, self._metric = plugins, metric
        self._observers, self._run = observers, run
        self._ranked: list[Trial] = []
        self._finished = False

    def stage(self, name: str) -> None:
        """The run went on to another stage."""
        self._screen.stage(name)

    def trial_started(self, trial: Trial) -> None:
        """Insert it as running."""
        self._writer.trial_started(
            TrialRow(
                uuid=trial.id,
                number=trial.number,
                model=trial.model,
                plugin=self._plugin(trial),
                params=trial.params,
                seed=trial.seed,
                threads=self._settings.thread_count,
                device=self._settings.device,
            )
        )
        self._screen.trial_started(trial)

    def trial_ended(self, trial: Trial) -> None:
        """Complete its row."""
        result = trial.result
        assert result is not None
        low, high = trial.interval or (None, None)
        values = {
            "state": result.state,
            "reason": result.reason,
            "note": trial.note,
            "traceback": result.traceback,
            "objective": trial.objective,
            "draws": len(trial.draws),
            "valid_low": low,
            "valid_high": high,
            "temperature": trial.temperature,
            "fit_seconds": result.fit_seconds,
            "score_seconds": result.score_seconds,
            "shared_seconds": result.shared_seconds + result.once_seconds,
            "cpu_seconds": result.cpu_seconds,
            "peak_memory_bytes": result.peak_memory_bytes,
            "epochs": result.epochs,
            "device": result.device or self._settings.device,
        }
        measured = _measured(result.metrics, result.intervals)
        self._writer.trial_ended(trial.id, values, measured, list(trial.reports.items()))
        self._screen.trial_ended(trial)
        self._observers.trial_finished(replace(self._run, seconds=self._writer.lease.seconds()), self._record(trial))

    def search_ended(self, shares: Sequence[Share]) -> None:
        """Write what each model got of the search."""
        rows = {}
        for share in shares:
            best = None if share.best is None else self._metric.objective(share.best)
            rows[share.model] = {**vars(share), "best": best}
        self._writer.search_ended(rows)

    def finalists_ended(self, ranked: Sequence[Trial], former: Sequence[Trial], encoding: Path) -> None:
        """Write what selection and test found, and keep the best fitted models.

        Args:
            ranked: the finalists, the best first.
            former: finalists of an earlier session that are none any more.
            encoding: the folder of the run's encoding.
        """
        kept: dict[str | None, Hashes] = {None: self._writer.stage(encoding)}
        for trial in sorted(ranked, key=lambda trial: trial.is_ensemble):  # after its members, which it needs
            if trial.model_folder is not None:
                try:
                    if trial.is_ensemble and not set(trial.params) <= set(kept):
                        raise StoreError("a member was not")
                    kept[trial.id] = self._writer.stage(Path(trial.model_folder))
                except StoreFailure:
                    raise
                except StoreError as error:  # it costs itself, not the results of the run
                    trial.remark(f"the model was not kept: {error}")
        rows = {}
        for trial in (*former, *ranked):
            low, high = trial.interval or (None, None)
            values = {
                "objective": trial.objective,
                "draws": len(trial.draws),
                "valid_low": low,
                "valid_high": high,
                "final_rank": trial.rank,
                "tied": trial.tied,
                "temperature": trial.temperature,
                "refit_seconds": trial.refit_seconds,
                "note": trial.note,
            }
            test = _measured(trial.test, trial.test_intervals)
            groups, mistakes = [_group_row(group) for group in trial.groups], list(map(vars, trial.mistakes))
            rows[trial.id] = FinalistRow(values, test, groups, mistakes)
        self._writer.finalists_ended(rows, kept)
        self._ranked = list(ranked)

    def finish(self, state: str, reason: str, spent: Mapping[str, float]) -> None:
        """Close the run's row, with the seconds of each of its stages."""
        self._writer.finish(state, reason, spent)
        self._finished = True
        finalists = tuple(map(self._record, self._ranked))
        seconds = self._writer.lease.seconds()
        run = replace(self._run, state=state, reason=reason, seconds=seconds, finalists=finalists)
        self._observers.run_finished(run)

    @contextlib.contextmanager
    def observed(self, budget: Budget) -> Iterator[None]:
        """After the run observers have a moment for what they have not taken yet; what they missed is said and kept."""
        try:
            yield
        finally:
            notes = self._observers.close(seconds_to_drain(budget))
            for note in notes:
                self._screen.notice(note)
            if notes and self._finished:
                with contextlib.suppress(StoreFailure, LostLease):  # all that matters is stored
                    self._writer.remark("; ".join(notes))

    def _plugin(self, trial: Trial) -> str:
        return DISTRIBUTION if trial.is_ensemble else self._plugins[trial.model]

    def _record(self, trial: Trial) -> TrialRecord:
        return trial_record(trial, self._plugin(trial), self._settings.device, self._metric)


def run_row(
    settings: RunSettings, budget: Budget, question: Question, dataset: Dataset[Any], split: Split[Any]
) -> RunRow:
    """What the store is told when the run begins."""
    return RunRow(
        task=settings.task,
        plugin=question.offer.plugin.distribution,
        version=question.offer.plugin.version,
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        facts={**dataset.report.facts, "headline": dataset.report.headline, "notes": list(dataset.report.notes)},
        split=split.identity,
        metric=question.metric.name,
        direction=question.metric.direction,
        name=settings.name,
        settings={**settings.to_json(), "options": _lasting(question)},
        versions=versions(),
        split_summary=split.summary,
        leakage=split.leakage,
        baseline=question.task.baseline,
        budget_seconds=budget.seconds if budget.bounded else None,
    )


def _lasting(question: Question) -> dict[str, str]:
    """The task's options, with paths that hold from anywhere."""
    known = question.task.options
    return {
        name: str(Path(value).absolute()) if known[name].path else value for name, value in question.options.items()
    }


def versions() -> dict[str, str]:
    """Of everything that a result may depend on."""
    found = {"python": platform.python_version()}
    for name in (
        "automl-workbench",
        "numpy",
        "scipy",
        "scikit-learn",
        "implicit",
        "lightgbm",
        "optuna",
        "torch",
    ):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _measured(values: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]) -> Measured:
    return {name: (value, *(intervals.get(name) or (None, None))) for name, value in values.items()}


def _group_row(group: Group) -> dict[str, Any]:
    return {
        "grouped_by": group.by,
        "name": group.name,
        "metric": group.metric,
        "value": group.value,
        "count": group.count,
    }
