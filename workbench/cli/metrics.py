"""`workbench metrics`: what is measured, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from workbench.cli.output import print_json, print_table, printing, say

if TYPE_CHECKING:
    from workbench.registry import Registry, TaskOffer


@click.command()
@click.option("--task", metavar="T", help="Only of this task.")
@printing
def command(as_json: bool, task: str | None) -> None:
    """List the metrics of each task; the first is searched unless --metric says otherwise."""
    from workbench.errors import PluginError
    from workbench.registry import Registry

    registry = Registry.discovered()
    rows = []
    for offer in [registry.task(task)] if task else list(registry.tasks.values()):
        try:
            rows += [{"task": offer.name, **row} for row in metric_rows(registry, offer)]
        except PluginError as error:
            if task:
                raise
            say(str(error), err=True)
    if as_json:
        print_json({"metrics": rows})
    else:
        print_table(rows, ("metric", "task", "plugin", "state", "direction", "meaning"), empty="no metrics")


def metric_rows(registry: Registry, offer: TaskOffer) -> list[dict[str, Any]]:
    """The metrics of a task, its own first, then those that plugins add."""
    from workbench.registry import load_task, metric_of

    task = load_task(offer)
    found = [(metric, offer.plugin, "ready") for metric in task.metrics]
    offers = registry.metrics(offer.name, task).values()
    found += [(metric_of(added), added.plugin, added.lack or "ready") for added in offers]
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
