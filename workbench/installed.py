"""What is installed for Workbench: entry points, who brought them, and whether they may be imported."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, entry_points, metadata
from typing import Literal

from workbench._version import __version__

DISTRIBUTION = "automl-workbench"
GROUP = "workbench"
COMMANDS = "workbench.commands"


@dataclass(frozen=True)
class Installed:
    """One entry point.

    Args:
        entry: name, and what it names.
        distribution: that brought it.
        version: of the distribution.
        blocked: whether the user has switched it off.
    """

    entry: EntryPoint
    distribution: str
    version: str
    blocked: bool

    @property
    def name(self) -> str:
        """Of the entry point."""
        return self.entry.name

    @cached_property
    def bar(self) -> tuple[Literal["blocked", "incompatible"], str] | None:
        """Why it may not be imported: (state, reason); None where it may."""
        if self.blocked:
            return "blocked", "switched off by --no-plugin or WORKBENCH_PLUGINS_OFF"
        refusal = refusal_of(self.entry.dist)
        return ("incompatible", refusal) if refusal else None


def installed(off: Iterable[str] = ()) -> dict[str, list[Installed]]:
    """Each group -> the entry points in it: first-party ones first, then by distribution and name.

    Nothing is imported.

    Args:
        off: what the user has switched off, by name of a plugin or distribution, besides what
            `WORKBENCH_PLUGINS_OFF` names (separated by commas). A distribution's commands go with its plugins.
    """
    from_environment = os.environ.get("WORKBENCH_PLUGINS_OFF", "").split(",")
    switched_off = {name.strip() for name in (*off, *from_environment)} - {""}
    every, found = entry_points(), {}
    for group in (GROUP, COMMANDS):
        # A dictionary, since a distribution that is found twice counts once.
        entries = {
            (origin[0], entry.name): (entry, *origin)
            for entry in every.select(group=group)
            for origin in [_origin(entry)]
        }
        order = sorted(entries, key=lambda key: (key[0] != DISTRIBUTION, key))
        found[group] = [Installed(*entries[key], bool(set(key) & switched_off)) for key in order]
        switched_off |= {each.distribution for each in found[group] if each.blocked}
    return found


def plugins() -> dict[tuple[str, str], Installed]:
    """(distribution, name) -> entry point, of every plugin, in fixed order; imports none.

    A distribution that brings commands alone is a plugin of its own name, with the first of them.
    """
    found = installed()
    hooked = {(each.distribution, each.name): each for each in found[GROUP]}
    distributions = {distribution for distribution, _ in hooked}
    for each in found[COMMANDS]:
        if each.distribution not in distributions:
            hooked.setdefault((each.distribution, each.distribution), each)
    return hooked


def at_fault(error: BaseException) -> Installed | None:
    """The plugin of others in whose code an exception came up; None where that was in ours, or cannot be seen."""
    owners = {each.entry.module.partition(".")[0]: each for each in plugins().values()}
    ours = {"workbench", *(name for name, each in owners.items() if each.distribution == DISTRIBUTION)}
    blamed, trace = "", error.__traceback__
    while trace is not None:  # the last of these that was called; what it calls in turn is a library
        name = str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0]
        blamed = name if name in owners or name in ours else blamed
        trace = trace.tb_next
    return None if blamed in ours else owners.get(blamed)


def others(distribution: str, name: str) -> list[str]:
    """What to switch off so that one plugin is loaded, and no other that did not come with Workbench."""
    keys = [key for key in plugins() if key != (distribution, name) and key[0] != DISTRIBUTION]
    return [key[1] if key[0] == distribution else key[0] for key in keys]


def extras_of(distribution: str) -> list[str]:
    """The extras that an installed distribution can be asked for, such as `torch`; none where it is not installed."""
    try:
        return metadata(distribution).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return []


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
