"""`workbench metrics`: what is measured, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from workbench.cli.output import print_json, print_table, printing

if TYPE_CHECKING:
    from workbench.registry import Registry, TaskOffer


@click.command()
@click.option("--task", metavar="T", help="Only of this task.")
@printing
def command(as_json: bool, task: str | None) -> None:
    """List the metrics of each task; the first is searched unless --metric says otherwise."""
    from workbench.registry import Registry

    registry = Registry.discovered()
    offers = [registry.task(task)] if task else list(registry.tasks.values())
    rows = [{"task": offer.name, **row} for offer in offers for row in metric_rows(registry, offer)]
    if as_json:
        print_json({"metrics": rows})
    else:
        print_table(rows, ("metric", "task", "plugin", "state", "direction", "meaning"), empty="no metrics")


def metric_rows(registry: Registry, offer: TaskOffer) -> list[dict[str, Any]]:
    """The metrics of a task, its own first, then those that plugins add."""
    from workbench.registry import load_class, metric_of

    task = load_class(offer.spec.load)()
    found = [(metric, offer.plugin, "ready") for metric in task.metrics]
    for added in registry.metrics(offer.name, task).values():
        missing = added.missing
        state = f"needs {', '.join(missing)}: pip install {' '.join(missing)}" if missing else "ready"
        found.append((metric_of(added), added.plugin, state))
    return [
        {
            "metric": metric.name,
            "plugin": f"{plugin.distribution} {plugin.version}",
            "state": state,
            "direction": metric.direction,
            "meaning": metric.summary,
        }
        for metric, plugin, state in found
    ]
