"""Files of users, and of what they have taken, to be answered."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from workbench import DataError, Source
from workbench.data.columns import Checked, as_ids, find_columns
from workbench.data.interaction_columns import ROLES
from workbench.data.names import plain_name
from workbench.data.tables import is_typed, read_lines, read_table

DELIMITERS = r"[,;|\t]"
"""A pattern for what may stand between the columns of a text file."""


def read_users(source: Source) -> tuple[pa.Array, pa.Array | None, tuple[str, ...]]:
    """(users of a file, what they have taken where it has an item column too, what the user should know).

    One column alone is the users'.

    Raises:
        DataError: the file cannot be read, has no column of users, or an id is missing.
    """
    header, notices = _header_of(source)
    table = read_table(source.data, source, header)
    names = table.columns.column_names
    given = {"user": names[0] if len(names) == 1 else None}
    columns = find_columns(table, {role: ROLES[role] for role in ("user", "item")}, given, required=())
    if "user" not in columns:
        raise DataError(
            f"{table.name}: no user column among {', '.join(names)}; head it user, or give one column alone"
        )
    checked = Checked(table, "error")
    users = as_ids(checked, columns["user"]).combine_chunks()
    items = as_ids(checked, columns["item"]).combine_chunks() if "item" in columns else None
    return users, items, (*notices, *table.notes, *checked.notes)


def _header_of(source: Source) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """(the names of the columns of a text file that has no header, a line that says so); None for any other file.

    The first line is a header if it names a known column, or if it is no number and all below it are.
    """
    path = Path(source.data) if isinstance(source.data, str | Path) else None
    if path is None or not path.is_file() or is_typed(path):
        return None, ()
    try:
        first, *others = filter(str.strip, read_lines(path, source.encoding))
    except (DataError, ValueError):  # no text, or nothing at all, which reading the table says better
        return None, ()
    named = {*map(plain_name, re.split(DELIMITERS, first))} & {*ROLES["user"], *ROLES["item"]}
    values = re.split(DELIMITERS, re.sub(r'"[^"]*"', "", first))
    numbered = others and not first.strip().isdigit() and all(other.strip().isdigit() for other in others)
    if named or numbered or len(values) > 2 or first.startswith(("{", "[")):
        return None, ()
    names = ("user", "item")[: len(values)]
    shown = f"line 1 of {path.name} names no known column and is read as a row; columns: {', '.join(names)}"
    return names, (shown,)
