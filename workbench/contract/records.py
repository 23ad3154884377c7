"""What observers are told: frozen records of plain values, as they could stand in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TrialRecord:
    """A trial that has ended.

    Args:
        id: 32 hexadecimal digits, of which leaderboards print the first.
        number: in its run, from 1.
        model: its name; `ensemble` where several trials answer together.
        plugin: the distribution that offers the model.
        params: every hyperparameter; of an ensemble, trial id -> weight.
        seed: of its fit.
        state: `complete`, `pruned`, `skipped`, `invalid`, `failed`, `timeout`, `memory`, `crashed` or `cancelled`.
        reason: for that state; empty where it is `complete`.
        note: what the user should know besides.
        valid: metric -> value on valid; empty unless it is `complete`. Of finalists that of the searched metric is
            a mean over several draws.
        valid_intervals: metric -> (low, high), 95 %; only for metrics that are means over examples.
        test: metric -> value on test; only of finalists, in `RunRecord.finalists`.
        test_intervals: metric -> (low, high), 95 %.
        rank: among the finalists, from 1; None for other trials.
        tied: whether the leader's advantage over this finalist may be noise.
        fit_seconds: wall time of the fit.
        score_seconds: wall time of scoring.
        shared_seconds: wall time of what it computed for others too.
        cpu_seconds: of its worker.
        peak_memory_bytes: of its worker, private memory.
        epochs: how many the best state took; None where the model counts none.
        device: where it ran, such as `cpu` or `cuda:0`.
    """

    id: str
    number: int
    model: str
    plugin: str
    params: Mapping[str, Any]
    seed: int
    state: str
    reason: str = ""
    note: str = ""
    valid: Mapping[str, float] = field(default_factory=dict)
    valid_intervals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    test_intervals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    rank: int | None = None
    tied: bool = False
    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    shared_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    epochs: int | None = None
    device: str = ""


@dataclass(frozen=True)
class RunRecord:
    """A run, as far as it has come.

    Args:
        run: its number.
        database: where it is stored, without a password.
        task: its name.
        dataset: its name.
        fingerprint: of the dataset, 64 hexadecimal digits: equal for equal data.
        split: how the data is split.
        metric: the searched one.
        larger_is_better: that metric's direction.
        name: the user's own words for the run; may be empty.
        settings: what this session was asked for, by the names of `RunSettings`.
        budget_seconds: of this session; None where only the number of trials bounds it.
        state: `running`; at the end `complete`, `interrupted` or `failed`.
        reason: for that state; empty where it is `complete`.
        seconds: that it has taken so far, all sessions together.
        finalists: its ranked trials, the best first; empty until the run has finished, and where this session
            ranked none.
    """

    run: int
    database: str
    task: str
    dataset: str
    fingerprint: str
    split: str
    metric: str
    larger_is_better: bool
    name: str
    settings: Mapping[str, Any]
    budget_seconds: float | None
    state: str = "running"
    reason: str = ""
    seconds: float = 0.0
    finalists: tuple[TrialRecord, ...] = ()
