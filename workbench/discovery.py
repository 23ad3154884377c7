"""Entry points -> plugins. A plugin can fail alone, and says so."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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
    from_environment = os.environ.get("WORKBENCH_PLUGINS_OFF", "").split(",")
    blocked = {name.strip() for name in (*off, *from_environment)} - {""}
    return tuple(
        _load(entry, version, distribution=distribution, blocked=blocked)
        for (distribution, _), (entry, version) in installed().items()
    )


def installed() -> dict[tuple[str, str], tuple[EntryPoint, str]]:
    """(distribution, name) -> entry point and version of every installed plugin, in fixed order; imports none."""
    found = {}
    for entry in entry_points(group=GROUP):
        distribution, version = _origin(entry)
        found[distribution, entry.name] = entry, version
    return {key: found[key] for key in sorted(found, key=lambda key: (key[0] != DISTRIBUTION, key))}


def others(distribution: str, name: str) -> list[str]:
    """What to switch off so that one plugin is loaded, and no other that did not come with Workbench."""
    keys = [key for key in installed() if key != (distribution, name) and key[0] != DISTRIBUTION]
    return [key[1] if key[0] == distribution else key[0] for key in keys]


def _load(entry: EntryPoint, version: str, *, distribution: str, blocked: set[str]) -> Plugin:
    def unloaded(state: PluginState, reason: str) -> Plugin:
        return Plugin(entry.name, distribution, version, state, reason)

    if {entry.name, distribution} & blocked:
        return unloaded("blocked", "switched off by --no-plugin or WORKBENCH_PLUGINS_OFF")
    refusal = refusal_of(entry.dist)
    if refusal:
        return unloaded("incompatible", refusal)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answer, which may be JSON
            manager = pluggy.PluginManager(hooks.PROJECT)
            manager.add_hookspecs(hooks)
            manager.register(entry.load(), name=entry.name)
            manager.check_pending()
            tasks = tuple(spec for specs in manager.hook.workbench_tasks() for spec in specs)
            models = tuple(spec for specs in manager.hook.workbench_models() for spec in specs)
            metrics = tuple(spec for specs in manager.hook.workbench_metrics() for spec in specs)
        wrong = _flaw(tasks, TaskSpec) or _flaw(models, ModelSpec) or _flaw(metrics, MetricSpec)
        if wrong:
            return unloaded("failed", f"announces {wrong}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is its own failure
        message = " ".join(str(error).split())[:REASON_KEPT] or "no message"
        return unloaded("failed", f"{type(error).__name__}: {message}")
    return Plugin(entry.name, distribution, version, "loaded", tasks=tasks, models=models, metrics=metrics)


def _flaw(specs: Sequence[Any], kind: type[TaskSpec | ModelSpec | MetricSpec]) -> str:
    """What is wrong with what a plugin announces, or an empty string."""
    seen = set()
    for spec in specs:
        if not isinstance(spec, kind):
            return f"{spec!r}, which is no {kind.__name__}"
        for name, value in vars(spec).items():
            fits = {"requires": not isinstance(value, str), "larger_is_better": isinstance(value, bool)}
            if not fits.get(name, isinstance(value, str)):
                return f"{spec!r}, whose {name} is {value!r}"
        key = spec.name, getattr(spec, "task", "")
        if key in seen:
            return f"{spec.name!r} twice"
        seen.add(key)
        if key[0] == ENSEMBLE and kind is ModelSpec:
            return f"a model {ENSEMBLE!r}, which is what several models that answer together are called"
    return ""


def _origin(entry: EntryPoint) -> tuple[str, str]:
    """Distribution and version; what a removal was cut short in has neither."""
    return (entry.dist and entry.dist.name) or "unknown", (entry.dist and entry.dist.version) or "0"


def refusal_of(distribution: Distribution | None) -> str:
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
