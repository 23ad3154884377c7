"""A model for `recommend`: what was taken most lately."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models() -> list[ModelSpec]:
    return [ModelSpec("recent", "recommend", "workbench_recent.model:Recent", "popularity with a half-life")]
