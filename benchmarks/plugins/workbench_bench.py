"""Models for benchmarks of the search itself: the same under two names, a little worse, one that hangs, one
whose settings all cost the same.

The folder is an installation by itself: put it on PYTHONPATH.
"""

from workbench import ModelSpec, hookimpl

_MODELS = {
    "twin-a": "TwinA",
    "twin-b": "TwinB",
    "same-a": "SameA",
    "same-b": "SameB",
    "worse": "Worse",
    "hangs": "Hangs",
    "steady": "Steady",
}


@hookimpl
def workbench_models() -> list[ModelSpec]:
    return [
        ModelSpec(name, "recommend", f"workbench_bench_models:{kind}", f"for benchmarks: {kind}")
        for name, kind in _MODELS.items()
    ]
