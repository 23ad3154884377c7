"""Goes on after its deadline."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [
        ModelSpec(
            "ignores-deadline", "recommend", "museum_ignores_deadline.model:IgnoresDeadline", "has no idea of time"
        ),
    ]
