"""Subjects for checks, in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.contract.hooks import MetricSpec, ModelSpec, TaskSpec
from workbench.registry import Registry
from workbench.testing.generator import CHECKS
from workbench.testing.promises import Check, Kind
from workbench.testing.subjects import MetricSubject, ModelSubject, Subject, TaskSubject
from workbench.testing.worker import run

BROKEN = "tests.testing.broken"


def named(kind: Kind, name: str) -> Check:
    """The check of that name."""
    return next(check for check in CHECKS[kind] if check.name == name)


def found(subject: Subject, kind: Kind, name: str) -> tuple[str, str]:
    """(state, what was seen) of one check, after those that come before it, as an examination runs it."""
    check = named(kind, name)
    if check.after is not None and (before := found(subject, kind, check.after.name))[0] != "passed":
        return "skipped", f"{check.after.name}: {before[1]}"
    outcome = run(check, lambda: subject)
    return outcome["state"], outcome["seen"]


@pytest.fixture
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the process of checks has them: what lies about in others is not ours."""
    for name in ("home", "tmp", "kept"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


@pytest.fixture
def task(tmp_path: Path, _own_folders: None) -> Callable[[str], TaskSubject]:
    """The task `recommend` as a class of `broken` plays it."""
    registry = Registry.discovered()

    def make(name: str) -> TaskSubject:
        return TaskSubject(TaskSpec("recommend", f"{BROKEN}:{name}", "a task"), registry, tmp_path / "kept")

    return make


@pytest.fixture
def model(task: Callable[[str], TaskSubject]) -> Callable[..., ModelSubject]:
    """A model of `broken`, for a task of `broken`."""

    def make(name: str, of: str = "Recommend") -> ModelSubject:
        return ModelSubject(ModelSpec(name.lower(), "recommend", f"{BROKEN}:{name}", "a model"), task(of))

    return make


@pytest.fixture
def metric(task: Callable[[str], TaskSubject]) -> Callable[[str], MetricSubject]:
    """A metric of `broken`."""

    def make(name: str) -> MetricSubject:
        return MetricSubject(MetricSpec(name, "recommend", f"{BROKEN}:{name}", "a metric"), task("Recommend"))

    return make
