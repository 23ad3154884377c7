"""Learns what can be kept by pickling only."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("pickles", "recommend", "museum_pickles.model:Pickles", "wants to pickle itself")]
