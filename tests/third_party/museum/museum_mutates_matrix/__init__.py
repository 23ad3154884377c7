"""Writes into what is derived from the training data."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [
        ModelSpec(
            "mutates-indices",
            "recommend",
            "museum_mutates_matrix.model:MutatesIndices",
            "overwrites the matrix's arrays",
        ),
        ModelSpec("mutates-matrix", "recommend", "museum_mutates_matrix.model:MutatesMatrix", "overwrites the matrix"),
        ModelSpec(
            "mutates-popularity",
            "recommend",
            "museum_mutates_matrix.model:MutatesPopularity",
            "overwrites the popularity",
        ),
    ]
