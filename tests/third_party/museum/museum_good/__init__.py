"""Has no fault: what goes on working beside the others."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("good", "recommend", "museum_good.model:Good", "popularity")]
