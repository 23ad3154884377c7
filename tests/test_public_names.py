"""The public names: these, no fewer and no more."""

from __future__ import annotations

import subprocess
import sys

import pytest

import workbench

NAMES = [
    "Answer",
    "Context",
    "DataError",
    "Dataset",
    "Evaluation",
    "Group",
    "Metric",
    "MetricSpec",
    "Mistake",
    "Model",
    "ModelError",
    "ModelSpec",
    "Option",
    "Probe",
    "Pruned",
    "RunRecord",
    "RunResult",
    "Scored",
    "Source",
    "Split",
    "Task",
    "TaskSpec",
    "TrialRecord",
    "UserError",
    "WorkbenchError",
    "__version__",
    "hookimpl",
    "leaderboard",
    "load",
    "resume",
    "run",
]


def test_the_public_names_are_these() -> None:
    assert workbench.__all__ == NAMES
    assert dir(workbench) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_resolves_and_stays_what_it_is(name: str) -> None:
    value = getattr(workbench, name)
    assert value is not None
    assert getattr(workbench, name) is value


def test_every_public_name_has_one_home_and_every_home_is_public() -> None:
    assert {*workbench._HOME_OF, "__version__"} == set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("__version__", "hookimpl")])
def test_every_public_name_is_documented(name: str) -> None:
    assert (getattr(workbench, name).__doc__ or "").strip()


def test_a_name_that_is_not_there_is_said_so() -> None:
    with pytest.raises(AttributeError, match="module 'workbench' has no attribute 'nothing'"):
        _ = workbench.nothing


def test_a_star_import_brings_all_of_them() -> None:
    code = "from workbench import *; assert callable(run) and Model and hookimpl"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
