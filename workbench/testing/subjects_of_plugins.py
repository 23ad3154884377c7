"""What checks look at of a plugin as it is installed: the plugin as a whole, and its commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import EntryPoint
from typing import Any

from workbench.commands import PluginCommand, plugin_commands
from workbench.contract.hooks import TaskSpec
from workbench.discovery import Plugin, discover
from workbench.installed import others, plugins
from workbench.registry import Registry


class PluginSubject:
    """A plugin: one entry point of an installed distribution, or one that brings commands alone.

    Args:
        distribution: its name.
        name: of the plugin.
        options: under which tasks that have them read their examples.
    """

    def __init__(self, distribution: str, name: str, options: Mapping[str, str] | None = None) -> None:
        self.distribution, self.name, self.options = distribution, name, dict(options or {})

    def exercise(self) -> None:
        """Use it as every command does."""
        _ = self.plugin

    @property
    def entry(self) -> EntryPoint:
        """Where its hooks are; of a plugin without any, its first command."""
        return plugins()[self.distribution, self.name].entry

    @property
    def commands(self) -> list[PluginCommand]:
        """Those that its distribution brings, whether they can be called or not."""
        return [each for each in plugin_commands() if each.distribution == self.distribution]

    @cached_property
    def plugin(self) -> Plugin:
        """As it is discovered, with no other third-party plugin beside it."""
        return self.among(discover(others(self.distribution, self.name)))

    @cached_property
    def registry(self) -> Registry:
        """Of this plugin and those that come with Workbench; of all where it needs a task of another."""
        alone = Registry(discover(others(self.distribution, self.name)))
        needed = {spec.task for spec in self.plugin.specs if not isinstance(spec, TaskSpec)}
        return alone if needed <= set(alone.tasks) else Registry.discovered()

    def among(self, plugins: Sequence[Plugin]) -> Plugin:
        """This plugin among others."""
        key = self.distribution, self.name
        return next(plugin for plugin in plugins if (plugin.distribution, plugin.name) == key)


class CommandSubject:
    """A command that the plugin's distribution brings.

    Args:
        command: as it is found among all that are installed.
    """

    def __init__(self, command: PluginCommand) -> None:
        self.command = command

    @cached_property
    def loaded(self) -> Any:
        """What the entry point names, a command or not."""
        return self.command.entry.load()

    def exercise(self) -> None:
        """Import it, as a call does."""
        _ = self.loaded
