"""Entry points -> plugins. A plugin can fail alone, and says so."""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from typing import Any, Literal

import pluggy

from workbench import commands, installed
from workbench.commands import PluginCommand
from workbench.contract import hooks
from workbench.contract.hooks import OBSERVING, MetricSpec, ModelSpec, TaskSpec
from workbench.contract.task import ENSEMBLE
from workbench.installed import DISTRIBUTION, Installed

REASON_KEPT = 1_000
LONGEST_NAME = 60
"""Of a task, model or metric, so that a database column holds it with its distribution's before it."""

PluginState = Literal["loaded", "blocked", "incompatible", "failed"]


@dataclass(frozen=True)
class Plugin:
    """One entry point of group `workbench`, and what became of it; or a distribution that brings commands alone.

    Args:
        name: of the entry point.
        distribution: that installed it.
        version: of the distribution.
        state: `loaded`, `blocked` (by the user), `incompatible` (with this version) or `failed`.
        reason: why it is not loaded, and which of its commands are refused; empty when all is well.
        tasks: that it announces.
        models: that it announces.
        metrics: that it announces.
        observes: the hooks by which it hears of a run.
        entry: what the entry point names, `"package.module"`.
        commands: that it brings, by name.
    """

    name: str
    distribution: str
    version: str
    state: PluginState
    reason: str = ""
    tasks: tuple[TaskSpec, ...] = ()
    models: tuple[ModelSpec, ...] = ()
    metrics: tuple[MetricSpec, ...] = ()
    observes: tuple[str, ...] = ()
    entry: str = ""
    commands: tuple[str, ...] = ()

    @property
    def specs(self) -> tuple[TaskSpec | ModelSpec | MetricSpec, ...]:
        """All that it announces."""
        return (*self.tasks, *self.models, *self.metrics)

    @property
    def first_party(self) -> bool:
        """Whether it came with Workbench itself."""
        return self.distribution == DISTRIBUTION


def discover(off: Iterable[str] = ()) -> tuple[Plugin, ...]:
    """Every installed plugin, first-party ones first, then by distribution and name.

    Args:
        off: plugins that are not to be imported, by name or distribution, besides those in
            `WORKBENCH_PLUGINS_OFF` (separated by commas).
    """
    found = installed.installed(off)
    plugins = [_load(each) for each in found[installed.GROUP]]
    brought: dict[str, list[PluginCommand]] = {}
    for command in commands.settle(found[installed.COMMANDS]):
        brought.setdefault(command.distribution, []).append(command)
    for each in found[installed.COMMANDS]:
        if each.distribution not in {plugin.distribution for plugin in plugins}:  # it brings commands and nothing else
            state, reason = each.bar or ("loaded", "")
            plugins.append(Plugin(each.distribution, each.distribution, each.version, state, reason))
    # To the first plugin of a distribution, since nothing says which of several a command belongs to.
    return tuple(_with_commands(plugin, brought.pop(plugin.distribution, [])) for plugin in plugins)


def register(entry: EntryPoint) -> pluggy.PluginManager:
    """Import what an entry point names, alone with the hooks that there are.

    Raises:
        Exception: whatever the import raises, or pluggy of hooks that take something else.
    """
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(entry.load(), name=entry.name)
    return manager


def _with_commands(plugin: Plugin, brought: Sequence[PluginCommand]) -> Plugin:
    usable = tuple(command.name for command in brought if not command.reason)
    refused = [command.reason for command in brought if command.reason and not command.hidden]
    return replace(plugin, commands=usable, reason="; ".join(filter(None, [plugin.reason, *refused])))


def _load(found: Installed) -> Plugin:
    def unloaded(state: PluginState, reason: str) -> Plugin:
        return Plugin(found.name, found.distribution, found.version, state, reason)

    if found.bar:
        return unloaded(*found.bar)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answer, which may be JSON
            manager = register(found.entry)
            useless = _useless_hook(manager)
            if useless:
                return unloaded("failed", f"implements {useless}")
            tasks = tuple(spec for specs in manager.hook.workbench_tasks() for spec in specs)
            models = tuple(spec for specs in manager.hook.workbench_models() for spec in specs)
            metrics = tuple(spec for specs in manager.hook.workbench_metrics() for spec in specs)
        wrong = _flaw(tasks, TaskSpec) or _flaw(models, ModelSpec) or _flaw(metrics, MetricSpec)
        if wrong:
            return unloaded("failed", f"announces {wrong}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is its own failure
        return unloaded("failed", fault(error))
    observes = tuple(name for name in OBSERVING if getattr(manager.hook, name).get_hookimpls())
    return Plugin(
        found.name, found.distribution, found.version, "loaded", "", tasks, models, metrics, observes, found.entry.value
    )


def _useless_hook(manager: pluggy.PluginManager) -> str:
    """A hook that a plugin implements for nothing, or an empty string; pluggy's own check offers no remedy."""
    callers = {name: caller for name, caller in vars(manager.hook).items() if not name.startswith("_")}
    known = [name for name, caller in callers.items() if caller.has_spec()]
    for name, caller in callers.items():
        if name not in known and not all(implementation.optionalhook for implementation in caller.get_hookimpls()):
            near = get_close_matches(name, known, n=1)
            return f"{name!r}, which is no hook; " + (
                f"did you mean {near[0]!r}?" if near else f"try {', '.join(known)}"
            )
        for implementation in caller.get_hookimpls():
            if inspect.iscoroutinefunction(implementation.function):
                return f"{name!r} as an async function, which nobody awaits; write def in place of async def"
    return ""


def fault(error: BaseException) -> str:
    """What a plugin raised, in one line."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an error that cannot even say what it is
        message = ""
    return f"{type(error).__name__}: {message[:REASON_KEPT] or 'no message'}"


def _flaw(specs: Sequence[Any], kind: type[TaskSpec | ModelSpec | MetricSpec]) -> str:
    """What is wrong with what a plugin announces, or an empty string."""
    seen = set()
    for spec in specs:
        if not isinstance(spec, kind):
            return f"{spec!r}, which is no {kind.__name__}"
        for name, value in vars(spec).items():
            if not _FITS.get(name, _is_text)(value):
                return f"{spec!r}, whose {name} is {value!r}"
        if not (_NAME.fullmatch(spec.name) and len(spec.name) <= LONGEST_NAME):
            return (
                f"{spec.name!r}, which is no name that can be said on a command line: at most {LONGEST_NAME} "
                "letters, digits and any of -_@+ after the first"
            )
        key = spec.name, getattr(spec, "task", "")
        if key in seen:
            return f"{spec.name!r} twice"
        seen.add(key)
        if key[0] == ENSEMBLE and kind is ModelSpec:
            return f"a model {ENSEMBLE!r}, which is what several models that answer together are called"
    return ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_import_names(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(_is_text(name) and _IMPORT.fullmatch(name) for name in value)


_NAME = re.compile(r"\w[\w@+-]*")
_IMPORT = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_FITS: dict[str, Callable[[Any], bool]] = {
    "requires": _are_import_names,
    "larger_is_better": lambda value: isinstance(value, bool),
}
