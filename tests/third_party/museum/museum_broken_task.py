"""Its tasks cannot be used: the one is nowhere, the other no task."""

from workbench import TaskSpec, hookimpl


@hookimpl
def workbench_tasks():
    return [
        TaskSpec("nowhere", "museum_fails_at_import:Task", "its module cannot be imported"),
        TaskSpec("no-task", "museum_good.model:Good", "a model, not a task"),
    ]
