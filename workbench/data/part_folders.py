"""Folders that hold parts of the data, `train` and `test`, told from those of classes by their names."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.errors import DataError

TRAIN, VALID, TEST = ("train", "training"), ("val", "valid", "validation", "dev"), ("test", "testing")


def fixed_test(names: Iterable[str]) -> tuple[frozenset[str], str]:
    """(the names, in lower case, of the folders that are the fixed test part; a line that says so).

    These are the folders called `test`, or where there is none, those called `val`. Both are empty where the folders
    are no parts of the data: some have other names, or none is called `train`, or all are.

    Args:
        names: of all folders that lie side by side.

    Raises:
        DataError: two folders have the same name but for its case.
    """
    found = sorted(name.lower() for name in names)
    parts = set(found)
    if not parts & {*TRAIN} or not parts <= {*TRAIN, *VALID, *TEST} or not parts - {*TRAIN}:
        return frozenset(), ""
    if len(parts) < len(found):
        twice = next(name for name in found if found.count(name) > 1)
        raise DataError(f"two folders are called {twice} but for upper and lower case; put them together")
    held = TEST if parts & {*TEST} else VALID
    note = f"folders {', '.join(found)}: {held[0]} is the fixed test part, the search draws its own valid"
    return frozenset(held) & parts, note
