"""Calls its model what no command line can say."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("my model, the best", "recommend", "museum_good.model:Good", "good")]
