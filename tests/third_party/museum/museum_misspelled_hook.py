"""Misspells its hook."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_modles():
    return [ModelSpec("misspelled", "recommend", "museum_good.model:Good", "good")]
