"""Records for observers, from what the run knows."""

from __future__ import annotations

from workbench.contract.metric import Metric
from workbench.contract.records import RunRecord, TrialRecord
from workbench.search.budget import Budget
from workbench.search.trial import Trial
from workbench.store.rows import RunRow

DRAIN_SECONDS = 3.0
"""What observers have at the end of a run, at most."""


def seconds_to_drain(budget: Budget) -> float:
    """What they have at this moment; half of what is left of the run's time is for ending processes and the like."""
    return min(DRAIN_SECONDS, max(0.0, budget.seconds - budget.elapsed) / 2)


def run_record(row: RunRow, run: int, database: str) -> RunRecord:
    """A run that has begun.

    Args:
        row: what the store was told of it.
        run: its number.
        database: its name.
    """
    return RunRecord(
        run=run,
        database=database,
        task=row.task,
        dataset=row.dataset,
        fingerprint=row.fingerprint,
        split=row.split,
        metric=row.metric,
        larger_is_better=row.direction == "maximize",
        name=row.name,
        settings=row.settings,
        budget_seconds=row.budget_seconds,
    )


def trial_record(trial: Trial, plugin: str, device: str, metric: Metric) -> TrialRecord:
    """A trial that has its result.

    Args:
        trial: with its result.
        plugin: the distribution that offers its model.
        device: of the run, where the result names none.
        metric: the searched one.
    """
    result = trial.result
    assert result is not None
    valid, intervals = dict(result.metrics), dict(result.intervals)
    if trial.objective is not None:
        valid[metric.name] = metric.objective(trial.objective)
    if trial.interval is not None:
        intervals[metric.name] = trial.interval
    return TrialRecord(
        id=trial.id,
        number=trial.number,
        model=trial.model,
        plugin=plugin,
        params=dict(trial.params),
        seed=trial.seed,
        state=result.state,
        reason=result.reason,
        note=trial.note,
        valid=valid,
        valid_intervals=intervals,
        test=dict(trial.test),
        test_intervals=dict(trial.test_intervals),
        rank=trial.rank,
        tied=trial.tied,
        fit_seconds=result.fit_seconds,
        score_seconds=result.score_seconds,
        shared_seconds=result.shared_seconds + result.once_seconds,
        cpu_seconds=result.cpu_seconds,
        peak_memory_bytes=result.peak_memory_bytes,
        epochs=result.epochs,
        device=result.device or device,
    )
