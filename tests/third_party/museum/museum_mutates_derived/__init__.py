"""Writes into what is derived from the training data."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [
        ModelSpec(
            "mutates-indices",
            "recommend",
            "museum_mutates_derived.model:MutatesIndices",
            "overwrites the matrix's arrays",
        ),
        ModelSpec(
            "mutates-popularity",
            "recommend",
            "museum_mutates_derived.model:MutatesPopularity",
            "overwrites the popularity",
        ),
    ]
