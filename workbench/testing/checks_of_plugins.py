"""What a plugin as a whole promises: to load, lightly, and to announce what can be used."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from workbench.contract import hooks
from workbench.discovery import Plugin, discover
from workbench.installed import DISTRIBUTION, GROUP, refusal_of
from workbench.registry import Registry
from workbench.testing.fresh import asked_of_fresh
from workbench.testing.promises import Broken, Untold, check
from workbench.testing.subjects_of_plugins import PluginSubject


@check(
    "plugin",
    promised="the distribution's own requirement of automl-workbench admits this version",
    remedy=f"widen Requires-Dist: {DISTRIBUTION} once you have tried the plugin with this version, or install the "
    "version it asks for",
)
def admits_this_version(subject: PluginSubject) -> None:
    if refusal := refusal_of(subject.entry.dist):
        raise Broken(refusal)


@check(
    "plugin",
    promised="the entry module can be imported",
    remedy="import the entry module in a fresh interpreter; leave to the modules that `load` names what may be missing",
    after=admits_this_version,
    seconds=20.0,
)
def its_entry_can_be_imported(subject: PluginSubject) -> None:
    if subject.entry.group != GROUP:
        raise Untold("it brings commands alone, which are imported when they are called")
    subject.entry.load()


@check(
    "plugin",
    promised="the entry module imports nothing heavy, since every command imports it",
    remedy="move that import into the module that `load` names; it is imported only when it is chosen",
    after=its_entry_can_be_imported,
)
def its_entry_imports_nothing_heavy(subject: PluginSubject) -> None:
    answer = asked_of_fresh({"ask": "imports", "distribution": subject.distribution, "plugin": subject.name})
    if answer["heavy"]:
        raise Broken("; ".join(f"{name} is imported by {where}" for name, where in answer["heavy"].items()))


@check(
    "plugin",
    promised="every function whose name starts with workbench_ is a hook that Workbench knows, marked @hookimpl",
    remedy="name it as one of the hooks (workbench.contract.hooks), and write @hookimpl above it",
    after=its_entry_can_be_imported,
)
def every_hook_is_known(subject: PluginSubject) -> None:
    known = {name for name in vars(hooks) if hasattr(getattr(hooks, name), f"{hooks.PROJECT}_spec")}
    module: Any = subject.entry.load()
    for name in dir(module):
        marked = hasattr(getattr(module, name), f"{hooks.PROJECT}_impl")
        if not callable(getattr(module, name)) or not (name.startswith(f"{hooks.PROJECT}_") or marked):
            continue
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise Broken(f"there is no hook {name}" + (f"; did you mean {near[0]}?" if near else ""))
        if not marked:
            raise Broken(f"{name} is not marked, so nobody calls it", "write @hookimpl above it")


@check(
    "plugin",
    promised="what the hooks announce are TaskSpecs, ModelSpecs and MetricSpecs, each name once",
    remedy="have the hook return a list of the specs that it is named after",
    after=every_hook_is_known,
)
def it_announces_what_can_be_used(subject: PluginSubject) -> None:
    if subject.plugin.state != "loaded":
        raise Broken(subject.plugin.reason)


@check(
    "plugin",
    promised="no other installed plugin and no task itself has the names that this one gives",
    remedy="choose another name: until then users must say the longer one, and names that come with Workbench stay "
    "with it",
    after=it_announces_what_can_be_used,
)
def its_names_are_free(subject: PluginSubject) -> None:
    plugins = discover()
    registry = Registry(plugins)
    own = subject.among(plugins)
    taken = [*_taken("task", registry.tasks, own)]
    for task in sorted({spec.task for spec in own.models}):
        taken += _taken("model", registry.models(task), own)
    for task in sorted({spec.task for spec in own.metrics} & set(registry.tasks)):
        if not registry.task(task).missing:
            from workbench.registry import load_class

            taken += _taken("metric", registry.metrics(task, load_class(registry.task(task).spec.load)()), own)
    if taken:
        raise Broken("; ".join(taken))


@check(
    "plugin",
    promised="everything announced has a summary of one line",
    remedy="give the spec a summary that says in a few words what it does; workbench tasks, models and metrics show it",
    after=it_announces_what_can_be_used,
)
def everything_has_a_summary(subject: PluginSubject) -> None:
    plugin = subject.plugin
    if not plugin.specs:
        raise Untold("it announces no task, no model and no metric")
    for spec in plugin.specs:
        summary = spec.summary.strip()
        if not summary or "\n" in summary:
            raise Broken(f"the summary of {spec.name} is {spec.summary!r}")


def _taken(kind: str, offers: Any, plugin: Plugin) -> list[str]:
    own = [offer for offer in offers.values() if offer.plugin == plugin and offer.clash]
    return [f"{kind} {offer.spec.name!r} is offered by {offer.clash} too" for offer in own]
