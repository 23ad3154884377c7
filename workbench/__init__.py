"""Workbench: from a file to the best model that can be found in the time you give it.

The names below are the public ones; each is imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workbench._version import __version__

if TYPE_CHECKING:
    from workbench.api import leaderboard, load, resume, run
    from workbench.contract import (
        Answer,
        Context,
        Dataset,
        Evaluation,
        Group,
        Metric,
        MetricSpec,
        Mistake,
        Model,
        ModelSpec,
        Option,
        Probe,
        RunRecord,
        Scored,
        Source,
        Split,
        Task,
        TaskSpec,
        TrialRecord,
        hookimpl,
    )
    from workbench.errors import DataError, ModelError, Pruned, UserError, WorkbenchError
    from workbench.result import RunResult

_HOMES = {
    "workbench.contract.hooks": ("MetricSpec", "ModelSpec", "TaskSpec", "hookimpl"),
    "workbench.contract.context": ("Context",),
    "workbench.contract.metric": ("Evaluation", "Group", "Metric", "Mistake", "Scored"),
    "workbench.contract.model": ("Model",),
    "workbench.contract.records": ("RunRecord", "TrialRecord"),
    "workbench.contract.split": ("Dataset", "Split"),
    "workbench.contract.task": ("Answer", "Option", "Probe", "Source", "Task"),
    "workbench.errors": ("DataError", "ModelError", "Pruned", "UserError", "WorkbenchError"),
    "workbench.api": ("leaderboard", "load", "resume", "run"),
    "workbench.result": ("RunResult",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
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


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
