"""What a plugin author reads: hooks and specs, Task, Model, Metric, Context, Split."""

from workbench.contract.context import Context
from workbench.contract.hooks import MetricSpec, ModelSpec, TaskSpec, hookimpl
from workbench.contract.metric import Evaluation, Group, Metric, Mistake, Scored
from workbench.contract.model import Model
from workbench.contract.records import RunRecord, TrialRecord
from workbench.contract.split import Dataset, Split
from workbench.contract.task import Answer, Option, Probe, Source, Task

__all__ = [
    "Answer",
    "Context",
    "Dataset",
    "Evaluation",
    "Group",
    "Metric",
    "MetricSpec",
    "Mistake",
    "Model",
    "ModelSpec",
    "Option",
    "Probe",
    "RunRecord",
    "Scored",
    "Source",
    "Split",
    "Task",
    "TaskSpec",
    "TrialRecord",
    "hookimpl",
]
