"""Announces a name where a ModelSpec is needed."""

from workbench import hookimpl


@hookimpl
def workbench_models():
    return ["my-model"]
