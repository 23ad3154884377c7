"""`workbench plugins`: what is installed and what became of it; its own commands have a file each."""

from __future__ import annotations

from collections.abc import Sequence

import click

from workbench.cli import plugins_check, plugins_new
from workbench.cli.output import print_json, print_table, printing, say

MOST_SHOWN = 4
"""Of the names in one cell of the table."""


@click.group(invoke_without_command=True)
@printing
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins: loaded, blocked, incompatible or failed, and why."""
    if context.invoked_subcommand is None:
        _list(as_json)


command.add_command(plugins_check.command, "check")
command.add_command(plugins_new.command, "new")


def _listed(names: Sequence[str]) -> str:
    """All of a few names; of more, which `workbench models` lists, the first."""
    few = names if len(names) <= MOST_SHOWN else [*names[: MOST_SHOWN - 1], f"{len(names) - MOST_SHOWN + 1} more"]
    return ", ".join(few) or "-"


def _list(as_json: bool) -> None:
    from workbench.registry import Registry

    registry = Registry.discovered()
    rows = [
        {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "state": plugin.state,
            "tasks": [registry.name_of(spec, plugin) for spec in plugin.tasks],
            "models": [registry.name_of(spec, plugin) for spec in plugin.models],
            "metrics": [spec.name for spec in plugin.metrics],
            "observes": [hook.removeprefix("workbench_") for hook in plugin.observes],
            "commands": list(plugin.commands),
            "reason": plugin.reason,
        }
        for plugin in registry.plugins
    ]
    if as_json:
        print_json({"plugins": rows})
        return
    offered = ("tasks", "models", "metrics", "observes", "commands")
    shown = [{**row, **{kind: _listed(row[kind]) for kind in offered}} for row in rows]
    columns = ["plugin", "distribution", "version", "state", "tasks", "models", "metrics"]
    columns += [name for name in ("observes", "commands") if any(row[name] for row in rows)]
    print_table(shown, columns, empty="no plugins")
    reasons = [f"{row['plugin']}: {row['reason']}" for row in rows if row["reason"]]
    if reasons:
        say()  # whole, and not in a column: they are what one reads the list for
        for reason in reasons:
            say(reason)
