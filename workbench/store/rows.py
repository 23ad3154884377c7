"""What a run tells the store: its rows, before they have numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Measured = Mapping[str, tuple[float, float | None, float | None]]
"""Metric -> (value, low, high)."""


@dataclass(frozen=True)
class RunRow:
    """What is known when a run begins; field by field as in the tables `dataset`, `board` and `run`."""

    task: str
    plugin: str
    version: str
    dataset: str
    fingerprint: str
    facts: Mapping[str, Any]
    split: str
    metric: str
    direction: str
    name: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    split_summary: str
    leakage: Sequence[str]
    baseline: str
    budget_seconds: float | None


@dataclass(frozen=True)
class ModelRow:
    """One model of a run, as in table `run_model`."""

    model: str
    plugin: str
    version: str
    state: str
    reason: str = ""
    space: Mapping[str, Any] = field(default_factory=dict)
    estimated_seconds: float | None = None
    estimated_bytes: int | None = None


@dataclass(frozen=True)
class TrialRow:
    """What is known when a trial begins, as in table `trial`."""

    uuid: str
    number: int
    model: str
    plugin: str
    params: Mapping[str, Any]
    seed: int
    threads: int
    device: str


@dataclass(frozen=True)
class FinalistRow:
    """What selection and test found of one trial.

    Args:
        values: columns of table `trial`.
        test: metrics on test.
        groups: the same broken down, each as in table `trial_group`, in order.
        mistakes: the worst ones on test, each as in table `trial_mistake`, in order.
    """

    values: Mapping[str, Any]
    test: Measured = field(default_factory=dict)
    groups: Sequence[Mapping[str, Any]] = ()
    mistakes: Sequence[Mapping[str, Any]] = ()
