"""Commands by name: our own, and those that plugins bring through entry-point group `workbench.commands`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint

from workbench import installed
from workbench.installed import Installed

COMMANDS = {
    "run": "Search for the best model of a task.",
    "resume": "Go on with a run that was interrupted, killed or is finished.",
    "runs": "List the runs in the database.",
    "show": "Show all that is known of a run or a trial.",
    "leaderboard": "Rank the trials that may be compared.",
    "predict": "Answer a query with a fitted model.",
    "evaluate": "Score a fitted model on new data.",
    "models": "List the models on offer.",
    "tasks": "List the tasks on offer, and what a task can be told.",
    "metrics": "List the metrics of a task and what they mean.",
    "plugins": "List the installed plugins and what became of each.",
    "replay": "Try a trial again, and say whether it gives the same.",
    "export-study": "Write a run into an Optuna storage.",
    "artifacts": "List, fetch or verify what is stored of a run.",
    "db": "Upgrade, check or clean the database.",
    "doctor": "Check this installation and this machine.",
}
"""Our own, and what each does."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class PluginCommand:
    """A command that a plugin brings; it is imported when it is called.

    Args:
        name: as it is called.
        distribution: that brings it.
        version: of the distribution.
        entry: names the `click.Command`.
        hidden: whether it is not to be listed: it is switched off, or for another version.
        reason: why it cannot be called; empty where it can.
    """

    name: str
    distribution: str
    version: str
    entry: EntryPoint
    hidden: bool = False
    reason: str = ""


def plugin_commands(off: Iterable[str] = ()) -> list[PluginCommand]:
    """Every command of a plugin; `off` as in `installed`. Nothing is imported."""
    return settle(installed.installed(off)[installed.COMMANDS])


def settle(found: Sequence[Installed]) -> list[PluginCommand]:
    """Give each name to its one claimant. Our own names stay ours; a name that several claim is nobody's."""
    owners: dict[str, list[str]] = {}
    for each in found:
        if each.bar is None:
            owners.setdefault(each.name, []).append(each.distribution)

    def refusal(each: Installed) -> str:
        others = [owner for owner in owners[each.name] if owner != each.distribution]
        if not _NAME.fullmatch(each.name):
            return f"command {each.name!r} is refused: a name is letters, digits, '-', '_' and '.'"
        if each.name in COMMANDS:
            return f"command {each.name!r} is refused: that name is Workbench's own"
        if others:
            return f"command {each.name!r} is refused: {' and '.join(owners[each.name])} offer it"
        return ""

    return [
        PluginCommand(each.name, each.distribution, each.version, each.entry, True, each.bar[1])
        if each.bar
        else PluginCommand(each.name, each.distribution, each.version, each.entry, False, refusal(each))
        for each in found
    ]
