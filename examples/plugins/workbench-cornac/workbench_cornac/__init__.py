"""Models of the library Cornac for `recommend`."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models() -> list[ModelSpec]:
    return [
        ModelSpec(
            "cornac-bpr",
            task="recommend",
            load="workbench_cornac.bpr:CornacBPR",
            summary="Cornac's matrix factorisation that ranks pairs",
            requires=("cornac",),
        )
    ]
