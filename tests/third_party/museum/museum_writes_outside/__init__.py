"""Writes outside its folder: beside it, and into the user's home."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [
        ModelSpec("writes-outside", "recommend", "museum_writes_outside.model:WritesOutside", "writes where it likes"),
    ]
