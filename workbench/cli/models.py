"""`workbench models`: what is on offer."""

from __future__ import annotations

import click

from workbench.cli.output import print_json, print_table, printing


@click.command()
@click.option("--task", metavar="T", help="Only for this task.")
@printing
def command(as_json: bool, task: str | None) -> None:
    """List the models that installed plugins offer."""
    from workbench.registry import Registry

    registry = Registry.discovered()
    tasks = [registry.task(task).name] if task else list(registry.tasks)
    rows = [
        {
            "model": offer.name,
            "task": name,
            "plugin": offer.origin,
            "state": offer.lack or "ready",
            "summary": offer.spec.summary,
        }
        for name in tasks
        for offer in registry.models(name).values()
    ]
    if as_json:
        print_json({"models": rows})
    else:
        print_table(rows, ("model", "task", "plugin", "state", "summary"), empty="no models")
