"""Names -> specs -> classes, which are loaded when asked for."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

from workbench.contract.hooks import MetricSpec, ModelSpec, TaskSpec
from workbench.contract.metric import Metric
from workbench.contract.task import Task
from workbench.discovery import Plugin, discover, fault
from workbench.errors import PluginError, UnknownName, UserError
from workbench.installed import DISTRIBUTION, extras_of

# Of PEP 508 and PEP 440, without what a version may be written as besides.
_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_VERSION = re.compile(r"(\d+!)?\d+(\.\d+){0,9}[A-Za-z0-9.+_-]{0,40}")

Spec = TypeVar("Spec", TaskSpec, ModelSpec, MetricSpec)
TaskPart = TypeVar("TaskPart", ModelSpec, MetricSpec)


@dataclass(frozen=True)
class Offer(Generic[Spec]):
    """One spec and the plugin that announces it.

    Args:
        name: what the user calls it: the spec's name, or `distribution:name` where that name is another's
            (`plugin:name` where one distribution has several plugins that offer it).
        clash: who else offers the name: other distributions, or the task itself; empty where nobody does.
    """

    name: str
    spec: Spec
    plugin: Plugin
    clash: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Import names it requires that are not installed; found without importing them."""
        return tuple(name for name in self.spec.requires if find_spec(name.partition(".")[0]) is None)

    @property
    def lack(self) -> str:
        """What is missing and how to get it, or an empty string.

        What the plugin's distribution has an extra for, of the same name, is got by that.
        """
        if not self.missing:
            return ""
        offered = extras_of(self.plugin.distribution)
        extras = ",".join(name for name in self.missing if name in offered)
        install = [f"'{self.plugin.distribution}[{extras}]'"] if extras else []
        install += [name for name in self.missing if name not in offered]
        return f"needs {', '.join(self.missing)}: pip install {' '.join(install)}"

    @property
    def origin(self) -> str:
        """The distribution and its version, as lists show them."""
        return f"{self.plugin.distribution} {self.plugin.version}"


TaskOffer = Offer[TaskSpec]
ModelOffer = Offer[ModelSpec]
MetricOffer = Offer[MetricSpec]


class Registry:
    """What the installed plugins offer."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)
        loaded = [plugin for plugin in self.plugins if plugin.state == "loaded"]
        self._tasks = _settle([(spec, plugin) for plugin in loaded for spec in plugin.tasks])
        self._models = {task: _settle(claims) for task, claims in _by_task(loaded, lambda each: each.models).items()}
        self._metrics = _by_task(loaded, lambda each: each.metrics)

    @classmethod
    def discovered(cls, off: Iterable[str] = ()) -> Registry:
        """The registry of everything installed, less the plugins in `off`."""
        return cls(discover(off))

    @property
    def tasks(self) -> dict[str, Offer[TaskSpec]]:
        """Every task on offer, by what the user calls it."""
        return dict(self._tasks)

    def models(self, task: str) -> dict[str, Offer[ModelSpec]]:
        """Every model on offer for a task, by what the user calls it."""
        return dict(self._models.get(task.rpartition(":")[2], {}))

    def metrics(self, task: str, own: Task[Any]) -> dict[str, Offer[MetricSpec]]:
        """Every metric that plugins add to a task, by what the user calls it.

        Args:
            task: its name.
            own: the task; a name that it knows itself stays its own.
        """
        return _settle(self._metrics.get(task.rpartition(":")[2], []), lambda name: _knows(own, name))

    def name_of(self, spec: TaskSpec | ModelSpec, plugin: Plugin) -> str:
        """What the user calls what a plugin announces."""
        offers: Collection[TaskOffer | ModelOffer] = (
            self._tasks.values() if isinstance(spec, TaskSpec) else self.models(spec.task).values()
        )
        return next(offer.name for offer in offers if offer.spec is spec and offer.plugin is plugin)

    def task(self, name: str) -> Offer[TaskSpec]:
        """The task of that name.

        Raises:
            UnknownName: there is none.
            PluginError: several plugins offer it.
        """
        return self._find("task", name, self._tasks, "workbench tasks")

    def model(self, task: str, name: str) -> Offer[ModelSpec]:
        """The model of that name for a task.

        Raises:
            UnknownName: there is none.
            PluginError: several plugins offer it.
        """
        return self._find("model", name, self.models(task), f"workbench models --task {task}")

    def metric(self, task: str, own: Task[Any], name: str) -> Offer[MetricSpec]:
        """The metric of that name that a plugin adds to a task; `task` and `own` as in `metrics`.

        Raises:
            UnknownName: neither a plugin nor the task itself has it.
            PluginError: several plugins offer it.
        """
        listing = f"workbench metrics --task {task}"
        return self._find("metric", name, self.metrics(task, own), listing, [metric.name for metric in own.metrics])

    def stored_task(self, name: str, distribution: str, version: str) -> Offer[TaskSpec]:
        """The task of a stored run, by the plugin that offered it then, whatever it is called now.

        Args:
            name: what it was called.
            distribution: that offered it.
            version: of the distribution.

        Raises:
            PluginError: that plugin does not offer it here and now; says how to get it back.
        """
        return self._stored("task", name, self._tasks, distribution, version)

    def stored_model(self, task: str, name: str, distribution: str, version: str) -> Offer[ModelSpec]:
        """The model of a stored trial; as `stored_task`."""
        return self._stored("model", name, self.models(task), distribution, version)

    def _stored(
        self, kind: str, name: str, offers: dict[str, Offer[Spec]], distribution: str, version: str
    ) -> Offer[Spec]:
        # By distribution, since another plugin may offer that name by now, and would be given what is not its own.
        theirs = [offer for offer in offers.values() if offer.plugin.distribution == distribution]
        same = [offer for offer in theirs if offer.spec.name == name.rpartition(":")[2]]
        for offer in same:
            if offer.name == name or len(same) == 1:
                return offer
        there = [plugin for plugin in self.plugins if plugin.distribution == distribution]
        idle = next((plugin for plugin in there if plugin.state != "loaded"), None)
        again = _install(distribution, version, known=bool(there) or distribution == DISTRIBUTION)
        if not there:
            why = f"which is not installed; {again}"
        elif idle is not None:
            why = f"whose plugin {idle.name} is {idle.state}: {idle.reason}"
        else:
            why = f"but {distribution} {there[0].version}, which is installed, has none of that name; {again}"
        raise PluginError(f"{kind} {name!r} is of {distribution} {version}, {why}")

    def _find(
        self, kind: str, name: str, offers: dict[str, Offer[Spec]], listing: str, others: Sequence[str] = ()
    ) -> Offer[Spec]:
        if name in offers:
            return offers[name]
        qualified = [offer for offer in offers.values() if offer.spec.name == name]
        if qualified:
            names = " or ".join(offer.name for offer in qualified)
            raise PluginError(f"{kind} {name!r} is offered by {len(qualified)} plugins; say {names}")
        failed = [plugin for plugin in self.plugins if plugin.state in ("failed", "incompatible")]
        if failed:
            listing += "; workbench plugins says why " + ", ".join(plugin.name for plugin in failed) + " did not load"
        raise UnknownName(kind, name, [*others, *offers], listing)


def _install(distribution: str, version: str, *, known: bool) -> str:
    """How to install the distribution that a database names; the name is repeated only if it is a plausible one."""
    if not _DISTRIBUTION.fullmatch(distribution) or not _VERSION.fullmatch(version):
        return "and that is no name and version of a distribution: the database is damaged"
    command = f"pip install {shlex.quote(f'{distribution}=={version}')}"
    return f"get it back: {command}" if known else f"get it back, if you know it (the database names it): {command}"


def load_class(where: str) -> Any:
    """The class at `"package.module:Class"`, or the function of a metric.

    Raises:
        PluginError: no such module or name in it.
    """
    module, _, name = where.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{where} cannot be loaded: {error}") from error


def load_task(offer: TaskOffer) -> Task[Any]:
    """The task of an offer.

    Raises:
        PluginError: it lacks a requirement, cannot be imported or made, or is no task.
    """
    reason = offer.lack
    if not reason:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answer, which may be JSON
                task = load_class(offer.spec.load)()
        except PluginError as error:
            reason = str(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is its own failure
            reason = fault(error)
        else:
            if isinstance(task, Task):
                return task
            reason = f"{offer.spec.load} is no subclass of workbench.Task"
    raise PluginError(f"task {offer.name} of {offer.origin} cannot be used: {reason}")


def metric_of(offer: MetricOffer) -> Metric:
    """The metric that an offer is about, under the name that the user calls it by."""
    return Metric(offer.name, offer.spec.summary, offer.spec.larger_is_better)


def _knows(task: Task[Any], name: str) -> bool:
    try:
        task.metric(name)
    except UserError:
        return False
    return True


def _by_task(
    plugins: Sequence[Plugin], specs: Callable[[Plugin], Sequence[TaskPart]]
) -> dict[str, list[tuple[TaskPart, Plugin]]]:
    """Task -> who claims what for it."""
    claims: dict[str, list[tuple[TaskPart, Plugin]]] = {}
    for plugin in plugins:
        for spec in specs(plugin):
            claims.setdefault(spec.task, []).append((spec, plugin))
    return claims


def _settle(
    claims: Sequence[tuple[Spec, Plugin]], taken: Callable[[str], bool] = lambda name: False
) -> dict[str, Offer[Spec]]:
    """Give each name to its one claimant. Names that come with Workbench stay with it; others are nobody's.

    Args:
        claims: who offers what.
        taken: whether a name is the task's own already.
    """
    owners: dict[str, list[Plugin]] = {}
    for spec, plugin in claims:
        owners.setdefault(spec.name, []).append(plugin)
    offers = {}
    for spec, plugin in claims:
        others = [owner.distribution for owner in owners[spec.name] if owner is not plugin]
        own = taken(spec.name)
        keeps = not own and (not others or plugin.first_party)
        owner = plugin.name if plugin.distribution in others else plugin.distribution
        name = spec.name if keeps else f"{owner}:{spec.name}"
        offers[name] = Offer(name, spec, plugin, ", ".join(["the task"] * own + others))
    return offers
