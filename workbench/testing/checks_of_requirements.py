"""That a plugin says what it needs, and is kind where that is missing. These run last, when all has been imported."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workbench.installed import DISTRIBUTION
from workbench.testing.fresh import asked_of_fresh
from workbench.testing.promises import Broken, Untold, check
from workbench.testing.subjects import MetricSubject, ModelSubject, TaskSubject
from workbench.testing.subjects_of_plugins import PluginSubject
from workbench.testing.watching import importers

Part = TaskSubject | ModelSubject | MetricSubject


@check(
    "task",
    "model",
    "metric",
    promised="what it imports beyond the distribution's dependencies is named in `requires`; where that is not "
    "installed, the plugin loads all the same and says what is missing",
    remedy="name the import in requires=(...) of the spec, or add its distribution to the dependencies; import it in "
    "the module that `load` names, not in the entry module",
)
def its_requirements_are_declared(subject: Part) -> None:
    if subject.owner is None:
        raise Untold("it is no plugin's")
    if subject.spec.requires:
        _ask(subject, subject.owner, subject.spec.requires)
    if undeclared := _undeclared(subject, subject.owner):
        found = _ask(subject, subject.owner, undeclared)
        if "lacks" in found:
            name, where = next(iter(undeclared.items()))
            raise Broken(f"{where} imports {name}, which neither requires nor the dependencies name")


def _ask(subject: Part, owner: PluginSubject, hide: Iterable[str]) -> dict[str, str]:
    """What happens where some imports are not installed.

    Raises:
        Broken: the plugin does not load, or something other than an import error is raised.
    """
    hidden = sorted(hide)
    with tempfile.TemporaryDirectory() as folder:
        plugin = {"distribution": owner.distribution, "plugin": owner.name, "folder": folder, "options": owner.options}
        about = {"ask": "without", "kind": _kind(subject), "target": subject.spec.name, "hide": hidden}
        found = asked_of_fresh({**plugin, **about})
    if found["plugin"]:
        raise Broken(f"without {', '.join(hidden)} the whole plugin does not load: {found['plugin']}")
    if "raises" in found:
        raise Broken(f"without {', '.join(hidden)} it raises {found['raises']}")
    return found


def _kind(subject: Part) -> Literal["task", "model", "metric"]:
    if isinstance(subject, TaskSubject):
        return "task"
    return "model" if isinstance(subject, ModelSubject) else "metric"


def _undeclared(subject: Part, owner: PluginSubject) -> dict[str, str]:
    """Names that modules of the plugin's package have imported though nothing declares them -> where.

    What the module of another model imports is that model's; what modules that serve several import, anybody's.
    """
    home = subject.spec.load.partition(":")[0]
    package = home.partition(".")[0]
    specs = [spec for spec in owner.plugin.specs if spec != subject.spec]
    others = {spec.load.partition(":")[0] for spec in specs} - {home}
    required = {name for spec in specs for name in spec.requires}
    homes, declared = _homes(), {*_closure(owner.distribution), *_closure(DISTRIBUTION)}
    found = {}
    for module, names in importers().items():
        if module.partition(".")[0] != package or module in others:
            continue
        named = {*subject.spec.requires, *(() if module == home else required)}
        for name, line in names.items():
            own = name in (package, "workbench") or name in sys.stdlib_module_names
            known = {canonicalize_name(home) for home in homes.get(name, ())}
            if not own and known and not known & declared and name not in named:
                found[name] = f"{module}, line {line},"
    return found


@cache
def _homes() -> dict[str, list[str]]:
    return dict(packages_distributions())


@cache
def _closure(root: str) -> frozenset[str]:
    """The distribution and all that it depends on, and they in turn."""
    found: set[str] = set()
    waiting = [canonicalize_name(root)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            lines = distribution(name).requires or ()
        except PackageNotFoundError:
            continue
        for line in lines:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return frozenset(found)
