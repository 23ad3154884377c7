"""Gives something else each time."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("random", "recommend", "museum_random.model:Random", "is not deterministic")]
