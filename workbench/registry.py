"""Names -> specs -> classes, which are loaded when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

from workbench.contract.hooks import ModelSpec, TaskSpec
from workbench.discovery import Plugin, discover
from workbench.errors import PluginError, UnknownName

Spec = TypeVar("Spec", TaskSpec, ModelSpec)


@dataclass(frozen=True)
class Offer(Generic[Spec]):
    """One spec and the plugin that announces it.

    Args:
        name: what the user calls it: the spec's name, or `distribution:name` where that name is another's
            (`plugin:name` where one distribution has several plugins that offer it).
        clash: who else offers the name; empty where nobody does.
    """

    name: str
    spec: Spec
    plugin: Plugin
    clash: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Import names it requires that are not installed; found without importing them."""
        return tuple(name for name in self.spec.requires if find_spec(name.partition(".")[0]) is None)


TaskOffer = Offer[TaskSpec]
ModelOffer = Offer[ModelSpec]


class Registry:
    """What the installed plugins offer."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)
        loaded = [plugin for plugin in self.plugins if plugin.state == "loaded"]
        self._tasks = _settle([(spec, plugin) for plugin in loaded for spec in plugin.tasks])
        self._models: dict[str, dict[str, Offer[ModelSpec]]] = {}
        by_task: dict[str, list[tuple[ModelSpec, Plugin]]] = {}
        for plugin in loaded:
            for spec in plugin.models:
                by_task.setdefault(spec.task, []).append((spec, plugin))
        for task, claims in by_task.items():
            self._models[task] = _settle(claims)

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

    def _find(self, kind: str, name: str, offers: dict[str, Offer[Spec]], listing: str) -> Offer[Spec]:
        if name in offers:
            return offers[name]
        qualified = [offer for offer in offers.values() if offer.spec.name == name]
        if qualified:
            names = " or ".join(offer.name for offer in qualified)
            raise PluginError(f"{kind} {name!r} is offered by {len(qualified)} plugins; say {names}")
        failed = [plugin for plugin in self.plugins if plugin.state in ("failed", "incompatible")]
        if failed:
            listing += "; workbench plugins says why " + ", ".join(plugin.name for plugin in failed) + " did not load"
        raise UnknownName(kind, name, offers, listing)


def load_class(where: str) -> Any:
    """The class at `"package.module:Class"`.

    Raises:
        PluginError: no such module or class.
    """
    module, _, name = where.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{where} cannot be loaded: {error}") from error


def _settle(claims: Sequence[tuple[Spec, Plugin]]) -> dict[str, Offer[Spec]]:
    """Give each name to its one claimant. Names that come with Workbench stay with it; others are nobody's."""
    owners: dict[str, list[Plugin]] = {}
    for spec, plugin in claims:
        owners.setdefault(spec.name, []).append(plugin)
    offers = {}
    for spec, plugin in claims:
        others = [owner.distribution for owner in owners[spec.name] if owner is not plugin]
        keeps = not others or plugin.first_party
        owner = plugin.name if plugin.distribution in others else plugin.distribution
        name = spec.name if keeps else f"{owner}:{spec.name}"
        offers[name] = Offer(name, spec, plugin, ", ".join(others))
    return offers
