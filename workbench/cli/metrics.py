"""`workbench metrics`: what is measured, and how."""

from __future__ import annotations

import click

from workbench.cli.output import print_json, print_table, printing


@click.command()
@click.option("--task", metavar="T", help="Only of this task.")
@printing
def command(as_json: bool, task: str | None) -> None:
    """List the metrics of each task; the first is searched unless --metric says otherwise."""
    from workbench.registry import Registry, load_class

    registry = Registry.discovered()
    offers = [registry.task(task)] if task else list(registry.tasks.values())
    rows = [
        {"metric": metric.name, "task": offer.name, "direction": metric.direction, "meaning": metric.summary}
        for offer in offers
        for metric in load_class(offer.spec.load)().metrics
    ]
    if as_json:
        print_json({"metrics": rows})
    else:
        print_table(rows, ("metric", "task", "direction", "meaning"), empty="no metrics")
