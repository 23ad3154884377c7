"""Claims a model and a task that come with Workbench."""

from workbench import ModelSpec, TaskSpec, hookimpl


@hookimpl
def workbench_tasks():
    return [TaskSpec("recommend", "museum_good.model:Good", "not the task you know")]


@hookimpl
def workbench_models():
    return [ModelSpec("als", "recommend", "museum_good.model:Good", "not the als you know")]
