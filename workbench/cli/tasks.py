"""`workbench tasks`: what can be done, and what a task can be told."""

from __future__ import annotations

import click

from workbench.cli.metrics import metric_rows
from workbench.cli.output import print_json, print_table, printing, say


@click.command()
@click.argument("name", required=False)
@printing
def command(as_json: bool, name: str | None) -> None:
    """List the tasks that installed plugins offer; with NAME, its metrics, splits and options."""
    from workbench.registry import Registry, load_task

    registry = Registry.discovered()
    if name is None:
        rows = [
            {
                "task": offer.name,
                "plugin": offer.origin,
                "models": len(registry.models(offer.name)),
                "summary": offer.spec.summary,
            }
            for offer in registry.tasks.values()
        ]
        if as_json:
            print_json({"tasks": rows})
        else:
            print_table(rows, ("task", "plugin", "models", "summary"), right=("models",), empty="no tasks")
        return
    offer = registry.task(name)
    task = load_task(offer)
    metrics = metric_rows(registry, offer)
    splits = [{"split": key, "meaning": value} for key, value in task.splits.items()]
    options = [
        {"option": f"--{key.replace('_', '-')}", "meaning": each.help, "choices": ", ".join(each.choices)}
        for key, each in task.options.items()
    ]
    if as_json:
        print_json(
            {
                "task": offer.name,
                "summary": offer.spec.summary,
                "baseline": task.baseline,
                "metrics": metrics,
                "splits": splits,
                "options": options,
            }
        )
        return
    say(f"{name}: {offer.spec.summary}; the baseline is {task.baseline}")
    for table, columns in (
        (metrics, ("metric", "direction", "plugin", "meaning")),
        (splits, ("split", "meaning")),
        (options, ("option", "meaning", "choices")),
    ):
        say()
        print_table(table, columns, empty="none")
