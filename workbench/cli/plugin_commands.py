"""Commands that plugins bring: listed by name, imported when called."""

from __future__ import annotations

import contextlib
import sys

import click

from workbench.commands import PluginCommand, plugin_commands
from workbench.errors import PluginError, WorkbenchError


def listed() -> dict[str, str]:
    """Name -> who brings it, for every command that can be called. Nothing is imported."""
    usable = sorted((each for each in plugin_commands() if not each.reason), key=lambda each: each.name)
    return {each.name: f"from {each.distribution} {each.version}" for each in usable}


def load(name: str) -> click.Command | None:
    """The command of that name; None where no plugin brings it.

    Raises:
        PluginError: it is refused, or cannot be imported.
    """
    claims = [each for each in plugin_commands() if each.name == name]
    usable = next((each for each in claims if not each.reason), None)
    if usable is not None:
        return _imported(usable)
    if claims:
        # Why a name is refused is more to the point than that somebody else who wants it is switched off.
        first = min(claims, key=lambda each: each.hidden)
        reason = f"command {name!r} of {first.distribution}: {first.reason}" if first.hidden else first.reason
        raise PluginError(f"{reason}; workbench plugins lists them")
    return None


def fault(name: str, error: Exception) -> WorkbenchError:
    """What to say of an exception that left a plugin's command."""
    owner = next(each for each in plugin_commands() if each.name == name and not each.reason)
    return WorkbenchError(
        f"command {name!r} of {owner.distribution} {owner.version} failed: {type(error).__name__}: {error}; "
        f"workbench --debug {name} shows the traceback"
    )


def _imported(found: PluginCommand) -> click.Command:
    origin = f"command {found.name!r} of {found.distribution} {found.version}"
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answer, which may be JSON
            command = found.entry.load()
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}"
        raise PluginError(f"{origin} cannot be imported: {why}; repair or uninstall {found.distribution}") from error
    if not isinstance(command, click.Command):
        what = f"{found.entry.value} is a {type(command).__name__}, no click command"
        raise PluginError(f"{origin} cannot be used: {what}; repair or uninstall {found.distribution}")
    return command
