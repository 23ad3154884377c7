"""A check: a function whose name states a promise of plugins; and what becomes of it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["plugin", "task", "model", "metric", "command"]
"""What of a plugin a check is about."""

State = Literal["passed", "failed", "skipped"]

SECONDS = 60.0
"""A check that takes longer has failed."""


class Broken(Exception):
    """A promise is not kept.

    Args:
        seen: what was seen instead.
        remedy: what to do about it, where that is not what the check says anyway.
    """

    def __init__(self, seen: str, remedy: str = "") -> None:
        super().__init__(seen)
        self.seen, self.remedy = seen, remedy


class Untold(Exception):
    """Nothing can be said about a promise here; the message says why."""


@dataclass(frozen=True)
class Check:
    """One promise, and the function that finds out whether it is kept.

    Args:
        name: of the function.
        promised: what every plugin promises.
        remedy: what to do where it is broken.
        function: takes a subject (`workbench.testing.subjects`); raises `Broken`, `Untold` or whatever the plugin
            raises, which is a broken promise too.
        after: the check that must have passed, or there is nothing to ask.
        seconds: within which it must end.
        fresh: whether it runs in the process in which nothing is ever fitted.
    """

    name: str
    promised: str
    remedy: str
    function: Callable[[Any], None]
    after: Check | None = None
    seconds: float = SECONDS
    fresh: bool = False

    def __call__(self, subject: Any) -> None:
        self.function(subject)


CHECKS: dict[Kind, list[Check]] = {"plugin": [], "task": [], "model": [], "metric": [], "command": []}
"""Every check in the order in which they run; filled by `check` where `workbench.testing.generator` is imported."""


def check(
    *kinds: Kind, promised: str, remedy: str, after: Check | None = None, seconds: float = SECONDS, fresh: bool = False
) -> Callable[[Callable[[Any], None]], Check]:
    """Make a function a check of what it is named after."""

    def make(function: Callable[[Any], None]) -> Check:
        made = Check(function.__name__, promised, remedy, function, after, seconds, fresh)
        for kind in kinds:
            CHECKS[kind].append(made)
        return made

    return make


@dataclass(frozen=True)
class Case:
    """One check of one thing that a plugin offers.

    Args:
        kind: of the thing.
        target: its name; of the plugin itself, the plugin's.
        check: what is asked of it.
    """

    kind: Kind
    target: str
    check: Check

    @property
    def id(self) -> str:
        """`target:check`."""
        return f"{self.target}:{self.check.name}"

    @property
    def about(self) -> Mapping[str, str]:
        """As a worker is asked."""
        return {"kind": self.kind, "target": self.target, "check": self.check.name}


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Args:
        case: that was run.
        state: `passed`, `failed`, or `skipped` where there was nothing to ask or to answer with.
        seen: why it is not passed.
        remedy: what to do about it.
        seconds: that it took.
    """

    case: Case
    state: State
    seen: str = ""
    remedy: str = ""
    seconds: float = 0.0

    @property
    def message(self) -> str:
        """What was promised, what was seen and the remedy, on lines of their own."""
        lines = (("promised", self.case.check.promised), ("seen", self.seen), ("remedy", self.remedy))
        told = [
            textwrap.fill(text, 110, initial_indent=f"  {word:<10}", subsequent_indent=" " * 12, break_on_hyphens=False)
            for word, text in lines
        ]
        return "\n".join([self.case.id, *told])


def cases(plugin: str, offered: Mapping[Kind, Sequence[str]]) -> Iterator[Case]:
    """Every case of a plugin, in the order in which they run: of the plugin, its tasks, models, metrics, commands.

    Args:
        plugin: its name.
        offered: of each kind, the names of what it offers.
    """
    for kind, checks in CHECKS.items():
        for target in (plugin,) if kind == "plugin" else offered.get(kind, ()):
            for each in checks:
                yield Case(kind, target, each)
