"""Requires nothing by None, which is no list of names."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("unfielded", "recommend", "museum_good.model:Good", "good", requires=None)]
