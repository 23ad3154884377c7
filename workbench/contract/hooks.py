"""The hooks of a plugin: they announce, they do no work.

A plugin is an installed distribution with an entry point in group `workbench`. The module it names holds
the hook implementations and imports nothing heavy; the classes it announces are imported when chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

import pluggy

from workbench.contract.records import RunRecord, TrialRecord

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
    """Announce the tasks of this plugin.

    Called once in every command that needs to know what is on offer, in the process of that command. What it raises
    makes the plugin `failed`, with the reason in `workbench plugins`; all others go on.
    """


@hookspec
def workbench_models() -> list[ModelSpec]:  # type: ignore[empty-body]
    """Announce the models of this plugin; called as `workbench_tasks` is."""


@hookspec
def workbench_metrics() -> list[MetricSpec]:  # type: ignore[empty-body]
    """Announce the metrics that this plugin adds to tasks; called as `workbench_tasks` is."""


@hookspec
def workbench_trial_finished(run: RunRecord, trial: TrialRecord) -> None:
    """Hear of a trial that has ended, in whatever state; it is stored already.

    Called for each trial of this session of a run, in their order, one at a time: a resumed run tells only of new
    ones. It is called in a process that belongs to this plugin alone, lives as long as the session, and has the
    user's working directory and environment; what is printed there is not shown.

    The run never waits. What is not taken yet waits in a queue of 1,000 records, and what finds it full is dropped.
    When the run has ended there are up to three seconds for the rest, and no more than half of what is left of
    `--time`; then the process and all that it has started are killed. An exception fails that one call. A process
    that dies is not started again. What was missed for any of these reasons is said once when the run ends, and kept
    in its note (`workbench show`).

    Either argument may be left out.

    Args:
        run: as far as it has come; `state` is `running`.
        trial: that has ended.
    """


@hookspec
def workbench_run_finished(run: RunRecord) -> None:
    """Hear that a session of a run has ended; the run is stored with its final state.

    Called last, where and as `workbench_trial_finished` is. It is not called where the database refuses to store the
    end, or another process has taken the run over, or the process of the run is killed.

    Args:
        run: with `state`, `reason`, `seconds` and `finalists`, which have been scored on test.
    """


OBSERVING = (workbench_trial_finished.__name__, workbench_run_finished.__name__)
"""The hooks that are called while a run goes on, in a process of their own."""
