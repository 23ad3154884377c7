"""Every error a user can meet.

    WorkbenchError                  something stopped the work; exit code 1
    ├── NoResult                    a run ended without one complete trial
    ├── RunStopped                  the database, or the machine, refused what a run needed; the run can be resumed
    ├── CannotGoOn                  a disk is full, or what a run needs is gone; amid a run it is a RunStopped
    ├── LostLease                   another process has taken over the run that this one was writing
    ├── Interrupted                 Ctrl-C or SIGTERM before the search began; exit code 130 or 143
    └── UserError                   the input is wrong; exit code 2
        ├── SettingsError           a flag, a TOML key or an argument of `workbench.run`
        ├── DataError               a file or table: what, where (file, row, column), what to do
        ├── UnknownName             no such task, model, metric, run or trial; offers the nearest
        ├── PluginError             a plugin that is needed cannot be used
        └── StoreError              a database that cannot be opened, read or written
            ├── SchemaError         its schema is older or newer than this version's
            └── StoreFailure        it is full, locked, read-only or gone: the same may succeed later

    ModelError                      a model broke its contract; fails its trial alone
    Pruned                          raised by `Context.report` when the search said stop

A message is one line: what is wrong, where; what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "CannotGoOn",
    "DataError",
    "Interrupted",
    "LostLease",
    "ModelError",
    "NoResult",
    "PluginError",
    "Pruned",
    "RunStopped",
    "SchemaError",
    "SettingsError",
    "StoreError",
    "StoreFailure",
    "UnknownName",
    "UserError",
    "WorkbenchError",
]


class WorkbenchError(Exception):
    """Something stopped the work."""

    exit_code = 1


class NoResult(WorkbenchError):
    """A run ended without one complete trial."""


class CannotGoOn(WorkbenchError):
    """The machine lacks what is needed: room on a disk, open files, processes, or the files of a run's data."""


class RunStopped(WorkbenchError):
    """The database, or the machine, refused what a run needed.

    Args:
        reason: what happened.
        run: its number.
        database: its name, without a password.
    """

    def __init__(self, reason: str, run: int, database: str) -> None:
        super().__init__(f"{reason}; run {run} has stopped")
        self.run, self.database = run, database


class LostLease(WorkbenchError):
    """Another process has taken over the run that this one was writing."""


class Interrupted(WorkbenchError):
    """The user ended a run before its search began.

    Args:
        exit_code: 130 after Ctrl-C, 143 after SIGTERM.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__("interrupted before the search began; nothing was stored")
        self.exit_code = exit_code


class UserError(WorkbenchError):
    """The user's input is wrong."""

    exit_code = 2


class SettingsError(UserError):
    """A setting cannot be used as given."""


class DataError(UserError):
    """Data cannot be read as given."""


class UnknownName(UserError):
    """A name that nothing answers to.

    Args:
        kind: what was looked for, such as `"task"`.
        name: the name as given.
        known: the names that exist; the nearest is offered.
        listing: the command that lists them.
        hint: where the name may belong if it is like none of them.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], listing: str = "", hint: str = "") -> None:
        near = get_close_matches(name, list(known), n=1)
        message = f"no {kind} {name!r}"
        if near:
            message += f"; did you mean {near[0]!r}?" + (f" ({listing} lists them)" if listing else "")
        elif listing:
            message += f"; {listing} lists them"
        elif hint:
            message += f"; {hint}"
        super().__init__(message)


class PluginError(UserError):
    """A plugin that is needed cannot be used."""


class StoreError(UserError):
    """The database cannot be opened, read or written."""


class SchemaError(StoreError):
    """The database's schema is not this version's."""


class StoreFailure(StoreError):
    """The database refused for now: it is full, locked, read-only or gone."""


class ModelError(Exception):
    """A model broke its contract: it answers or keeps something that cannot be used."""


class Pruned(Exception):
    """The search asked this trial to stop early."""
