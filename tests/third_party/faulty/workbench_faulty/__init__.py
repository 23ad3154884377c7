"""A third-party plugin whose models break every rule; put its folder on PYTHONPATH to have it installed."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    classes = {"good": "Good", "raises": "Raises", "segfaults": "Segfaults", "exits": "Exits", "scores": "Scores"}
    classes["lacks-room"] = "LacksRoom"
    return [
        ModelSpec(name, "recommend", f"workbench_faulty.models:{class_name}", f"a model that {name}")
        for name, class_name in classes.items()
    ]
