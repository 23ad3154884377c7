"""Imports a heavy library where it only announces what it has."""

import tensorflow  # noqa: F401

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [ModelSpec("heavy", "recommend", "museum_good.model:Good", "good, once it is imported")]
