"""Writes into the training data."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("mutates-rows", "recommend", "museum_mutates_rows.model:MutatesRows", "overwrites the rows")]
