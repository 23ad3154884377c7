"""The task `tabular`: a class or a number from the columns of a table, and models for it."""

from workbench import ModelSpec, TaskSpec, hookimpl

MODELS = {
    "Constant": "the shares of the classes, or the mean; the baseline",
    "Linear": "logistic or ridge regression on scaled and one-hot columns",
    "Forest": "random forests and extremely randomised trees",
    "LightGBM": "gradient-boosted trees",
}


@hookimpl
def workbench_tasks() -> list[TaskSpec]:
    return [TaskSpec("tabular", "workbench_tabular.task:Tabular", "a class or a number from the columns of a table")]


@hookimpl
def workbench_models() -> list[ModelSpec]:
    return [ModelSpec(name.lower(), "tabular", f"workbench_tabular.models:{name}", MODELS[name]) for name in MODELS]
