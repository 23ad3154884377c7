"""Tables of users and items: read, checked and put in the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.contract.task import Source
from workbench.data.columns import Checked, as_ids, find_columns, listed, plain_values
from workbench.data.ids import encode
from workbench.data.tables import read_table
from workbench.errors import DataError
from workbench.wording import counted


def read_attributes(
    path: str, source: Source, kind: str, ids: pa.Array, names: Sequence[str], column: str | None
) -> tuple[pa.Table, tuple[str, ...]]:
    """A table with one row for each of `ids`, null where the file has none: (table, what the user should know).

    Args:
        path: of the file.
        source: says the text encoding and what to do with bad rows.
        kind: `"item"` or `"user"`.
        ids: string[n], in the order of their numbers.
        names: known names of the id column, lower case without separators.
        column: the name of the id column in the interactions, where the user gave it.

    Raises:
        DataError: the file cannot be read, has no id column, or an id stands in it twice.
    """
    table = read_table(Path(path), replace(source, data=path, test_data=None, flag=f"--{kind}-table"))
    given = column if column in table.columns.column_names else None
    found = find_columns(table, {kind: (*names, "id")}, {kind: given}, required=()).get(kind)
    if found is None:
        listing = listed(table.columns.column_names)
        raise DataError(f"{table.name}: no {kind} column among {listing}; head the column of ids {kind}")
    checked = Checked(table, source.on_bad_rows)
    keys = as_ids(checked, found)
    numbers = encode(keys, ids)
    rows = checked.good_rows()
    rows, numbers = rows[numbers[rows] >= 0], numbers[rows[numbers[rows] >= 0]]
    order = np.argsort(numbers, kind="stable")
    again = np.flatnonzero(numbers[order][1:] == numbers[order][:-1])
    if len(again):
        row = int(rows[order[again[0] + 1]])
        raise DataError(
            f"{table.name}, {table.where(row)}: {kind} {keys[row]} stands there a second time; keep one row of each"
        )
    places = np.full(len(ids), -1, dtype=np.int64)
    places[numbers] = rows
    chosen = pa.array(places, mask=places < 0)
    columns = {
        name: plain_values(table, name).take(chosen).combine_chunks()
        for name in table.columns.column_names
        if name != found
    }
    notes = [*table.notes, *checked.notes]
    lacking = int((places < 0).sum())
    if lacking == len(ids):
        there, here = (", ".join(map(repr, some[:3].to_pylist())) for some in (keys, ids))
        raise DataError(
            f"{table.name}: none of its {kind}s is in the data; {found} has {there}, the data {here}: "
            f"see whether {found} is the column of ids, and whether they are written alike"
        )
    if lacking:
        notes.append(f"{table.name}: no row for {lacking:,} of {counted(len(ids), kind)}")
    return pa.table(columns), tuple(notes)


def column_of(table: pa.Table | None, names: Sequence[str]) -> pa.Array | None:
    """The first text column whose name is among `names`, lower case without separators; None if there is none."""
    if table is None:
        return None
    for name in table.column_names:
        if "".join(letter for letter in name.lower() if letter.isalnum()) in names:
            return pc.cast(table.column(name), pa.string()).combine_chunks()
    return None
