"""Entry points -> plugins. A plugin can fail alone, and says so."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any, Literal

import pluggy

from workbench._version import __version__
from workbench.contract import hooks
from workbench.contract.hooks import MetricSpec, ModelSpec, TaskSpec
from workbench.contract.task import ENSEMBLE

GROUP = "workbench"
DISTRIBUTION = "automl-workbench"
REASON_KEPT = 1_000
LONGEST_NAME = 60
"""Of a task, model or metric, so that a database column holds it with its distribution's before it."""

PluginState = Literal["loaded", "blocked", "incompatible", "failed"]


@dataclass(frozen=True)
class Plugin:
    """One entry point of group `workbench`, and what became of it.

    Args:
        name: of the entry point.
        distribution: that installed it.
        version: of the distribution.
        state: `loaded`, `blocked` (by the user), `incompatible` (with this version) or `failed`.
        reason: why it is not loaded; empty when it is.
    """

    name: str
    distribution: str
    version: str
    state: PluginState
    reason: str = ""
    tasks: tuple[TaskSpec, ...] = field(default=())
    models: tuple[ModelSpec, ...] = field(default=())
    metrics: tuple[MetricSpec, ...] = field(default=())

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
    from_environment = os.environ.get("WORKBENCH_PLUGINS_OFF", "").split(",")
    blocked = {name.strip() for name in (*off, *from_environment)} - {""}
    found = {}
    for entry in entry_points(group=GROUP):
        distribution, version = _origin(entry)
        found[distribution, entry.name] = entry, version
    order = sorted(found, key=lambda key: (key[0] != DISTRIBUTION, key))
    return tuple(_load(*found[key], distribution=key[0], blocked=blocked) for key in order)


def _load(entry: EntryPoint, version: str, *, distribution: str, blocked: set[str]) -> Plugin:
    def unloaded(state: PluginState, reason: str) -> Plugin:
        return Plugin(entry.name, distribution, version, state, reason)

    if {entry.name, distribution} & blocked:
        return unloaded("blocked", "switched off by --no-plugin or WORKBENCH_PLUGINS_OFF")
    refusal = _refusal(entry.dist)
    if refusal:
        return unloaded("incompatible", refusal)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answer, which may be JSON
            manager = pluggy.PluginManager(hooks.PROJECT)
            manager.add_hookspecs(hooks)
            manager.register(entry.load(), name=entry.name)
            unknown = _unknown_hook(manager)
            if unknown:
                return unloaded("failed", f"implements {unknown}")
            tasks = tuple(spec for specs in manager.hook.workbench_tasks() for spec in specs)
            models = tuple(spec for specs in manager.hook.workbench_models() for spec in specs)
            metrics = tuple(spec for specs in manager.hook.workbench_metrics() for spec in specs)
        wrong = _flaw(tasks, TaskSpec) or _flaw(models, ModelSpec) or _flaw(metrics, MetricSpec)
        if wrong:
            return unloaded("failed", f"announces {wrong}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is its own failure
        return unloaded("failed", fault(error))
    return Plugin(entry.name, distribution, version, "loaded", tasks=tasks, models=models, metrics=metrics)


def _unknown_hook(manager: pluggy.PluginManager) -> str:
    """A hook that a plugin implements and nobody calls, or an empty string; pluggy's own check offers no remedy."""
    callers = {name: caller for name, caller in vars(manager.hook).items() if not name.startswith("_")}
    known = [name for name, caller in callers.items() if caller.has_spec()]
    for name, caller in callers.items():
        if name not in known and not all(implementation.optionalhook for implementation in caller.get_hookimpls()):
            near = get_close_matches(name, known, n=1)
            return f"{name!r}, which is no hook; " + (
                f"did you mean {near[0]!r}?" if near else f"try {', '.join(known)}"
            )
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


def _origin(entry: EntryPoint) -> tuple[str, str]:
    """Distribution and version; what a removal was cut short in has neither."""
    return (entry.dist and entry.dist.name) or "unknown", (entry.dist and entry.dist.version) or "0"


def _refusal(distribution: Distribution | None) -> str:
    """Why the distribution's own requirement does not admit this version, or an empty string."""
    if distribution is None or distribution.name == DISTRIBUTION:
        return ""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # pip has refused it already; it cannot be about this version
        ours = canonicalize_name(requirement.name) == DISTRIBUTION
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue  # it is for another system, or for an extra that nobody may have asked for
        if ours and not requirement.specifier.contains(__version__, prereleases=True):
            return f"requires {DISTRIBUTION} {requirement.specifier}, this is {__version__}"
    return ""
