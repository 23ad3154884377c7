"""Its hook wants what no hook is given."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models(registry):
    return [ModelSpec("unsigned", "recommend", "museum_good.model:Good", f"good, one of {len(registry)}")]
