"""The hooks of a plugin: they announce, they do no work.

A plugin is an installed distribution with an entry point in group `workbench`. The module it names holds
the hook implementations and imports nothing heavy; the classes it announces are imported when chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import pluggy

PROJECT = "workbench"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class TaskSpec:
    """A task that a plugin offers.

    Args:
        name: as in `--task`.
        load: where the class is, `"package.module:Class"`; imported only when the task is chosen.
        summary: one line for `workbench tasks`.
        requires: import names the class needs beyond the plugin's own dependencies.
    """

    name: str
    load: str
    summary: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelSpec:
    """A model that a plugin offers for one task.

    Args:
        name: as on leaderboards and in `--models`.
        task: the name of the task it is for.
        load: where the class is, `"package.module:Class"`; imported only in a worker process.
        summary: one line for `workbench models`.
        requires: import names the class needs beyond the plugin's own dependencies.
    """

    name: str
    task: str
    load: str
    summary: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricSpec:
    """A metric that a plugin adds to a task.

    Args:
        name: as on leaderboards and in `--metric`; `name@k` where it looks at the best k of longer lists.
        task: the name of the task it is for.
        load: where the function is, `"package.module:function"`; imported only where a model is scored. It takes
            a `Scored` and returns float32[n], a value for each of its rows, whose mean is the metric; or, where
            the metric is no such mean, a float.
        summary: one line that says how it is computed, for `workbench metrics`.
        larger_is_better: False for errors and losses.
        requires: import names the function needs beyond the plugin's own dependencies.
    """

    name: str
    task: str
    load: str
    summary: str
    larger_is_better: bool = True
    requires: tuple[str, ...] = ()


@hookspec
def workbench_tasks() -> list[TaskSpec]:  # type: ignore[empty-body]
    """Announce the tasks of this plugin."""


@hookspec
def workbench_models() -> list[ModelSpec]:  # type: ignore[empty-body]
    """Announce the models of this plugin."""


@hookspec
def workbench_metrics() -> list[MetricSpec]:  # type: ignore[empty-body]
    """Announce the metrics that this plugin adds to tasks."""
