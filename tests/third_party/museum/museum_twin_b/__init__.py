"""Offers a model of a name that another plugin offers too."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("twin", "recommend", "museum_twin_b.model:Twin", "popularity, of one of two")]
