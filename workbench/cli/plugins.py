"""`workbench plugins`: what is installed and what became of it; its own commands have a file each."""

from __future__ import annotations

import click

from workbench.cli import plugins_check, plugins_new
from workbench.cli.output import print_json, print_table, printing


@click.group(invoke_without_command=True)
@printing
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the installed plugins: loaded, blocked, incompatible or failed, and why."""
    if context.invoked_subcommand is None:
        _list(as_json)


command.add_command(plugins_check.command, "check")
command.add_command(plugins_new.command, "new")


def _list(as_json: bool) -> None:
    from workbench.registry import Registry

    rows = [
        {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "state": plugin.state,
            "tasks": [spec.name for spec in plugin.tasks],
            "models": [spec.name for spec in plugin.models],
            "metrics": [spec.name for spec in plugin.metrics],
            "reason": plugin.reason,
        }
        for plugin in Registry.discovered().plugins
    ]
    if as_json:
        print_json({"plugins": rows})
        return
    offered = ("tasks", "models", "metrics")
    shown = [{**row, **{kind: ", ".join(row[kind]) or "-" for kind in offered}} for row in rows]
    columns = ["plugin", "distribution", "version", "state", *offered]
    if any(row["reason"] for row in rows):
        columns.append("reason")
    print_table(shown, columns, empty="no plugins")
