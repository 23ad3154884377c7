"""Leaves two processes behind; one of them is in a session of its own."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [
        ModelSpec(
            "leaves-process", "recommend", "museum_leaves_process.model:LeavesProcess", "leaves processes behind"
        ),
    ]
