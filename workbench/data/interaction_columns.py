"""The columns of one table of interactions, checked, and what each was taken for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.contract.task import Source
from workbench.data.columns import NUMBER, Checked, as_ids, as_numbers, guess_columns, listed
from workbench.data.tables import RawTable, read_table
from workbench.data.times import Times, as_times
from workbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Read = TypeVar("Read")

ROLES = {
    "user": ("user", "userid", "uid", "customer", "customerid", "visitor", "visitorid", "member", "memberid",
             "reviewerid"),
    "item": ("item", "itemid", "iid", "movie", "movieid", "product", "productid", "asin", "article", "articleid",
             "book", "bookid", "song", "songid", "track", "trackid", "artist", "artistid", "isbn", "sku"),
    "rating": ("rating", "ratings", "score", "stars", "value", "overall", "preference"),
    "time": ("timestamp", "time", "datetime", "date", "unixtime", "ts", "createdat", "unixreviewtime"),
}  # fmt: skip

_FLAG = "--{}-column"

_MATRIX_COLUMNS = 10
"""A table with so many columns of numbers, and none of items, has a column for each item."""


@dataclass(frozen=True)
class InteractionColumns:
    """One table's checked columns, bad rows left out.

    Args:
        name: of the file, for messages.
        users: string[n], ids.
        items: string[n], ids.
        values: float32[n], ratings or counts; ones where the table has none.
        times: of each row, or None.
        rated: whether `values` come from the table.
        notes: one line for each thing the user should know.
        skipped: how many rows are left out.
        taken: which column was taken for what, in words.
        table: as it was read.
        kept: int64[n], which row of `table` each is.
    """

    name: str
    users: pa.ChunkedArray
    items: pa.ChunkedArray
    values: NDArray[np.float32]
    times: Times | None
    rated: bool
    notes: list[str]
    skipped: int
    taken: str
    table: RawTable
    kept: NDArray[np.int64]

    def only(self, rows: NDArray[np.bool_]) -> InteractionColumns:
        """The rows of a mask."""
        chosen = pa.array(rows)
        return replace(
            self,
            users=self.users.filter(chosen),
            items=self.items.filter(chosen),
            values=self.values[rows],
            times=None if self.times is None else self.times.take(rows),
            kept=self.kept[rows],
        )


def read_columns(
    data: Any, source: Source, options: Mapping[str, str], like: InteractionColumns | None = None
) -> InteractionColumns:
    """Read a table of interactions, its columns found by name or by the options.

    Args:
        data: a path or a table: `source.data` or `source.test_data`.
        source: says the text encoding and what to do with bad rows.
        options: of the task.
        like: a table of the same run, so that numbers are read as the same kind of times as there.

    Raises:
        DataError: all that stands in the way, in which file, row and column.
        SettingsError: an unknown format of times.
    """
    header = tuple(name.strip() for name in options.get("columns", "").split(",") if name.strip())
    table = read_table(data, source, header)
    given = {role: options.get(f"{role}_column") for role in ROLES}
    columns, problems = guess_columns(table, ROLES, given, ("user", "item"), _FLAG)
    if "item" not in columns and _is_matrix(table.columns.drop_columns(list(set(columns.values())))):
        problems.append(
            "one column for each item? this task wants a row for each interaction, such as user,item,rating"
        )
    if len(set(table.columns.column_names)) < table.columns.num_columns:
        raise DataError(f"{table.name}: {'; '.join(problems)}")
    checked = Checked(table, source.on_bad_rows)
    decimal = options.get("decimal", ".")
    before = like.times.format if like is not None and like.times is not None else None
    time_format = options.get("time_format", before)

    def attempt(read: Callable[[str], Read], role: str) -> Read | None:
        try:
            return read(columns[role]) if role in columns else None
        except DataError as error:
            problems.append(str(error).removeprefix(table.name).lstrip(":, "))
            return None

    users = attempt(lambda column: as_ids(checked, column), "user")
    items = attempt(lambda column: as_ids(checked, column), "item")
    values = attempt(lambda column: as_numbers(checked, column, decimal), "rating")
    times = attempt(lambda column: as_times(checked, column, time_format, decimal), "time")
    if problems or users is None or items is None:
        raise DataError(_refusal(table, columns, problems))
    kept = checked.good_rows()
    everything = len(kept) == len(checked.bad)
    rows = None if everything else pa.array(kept)
    return InteractionColumns(
        table.name,
        users if everything else users.take(rows),
        items if everything else items.take(rows),
        (np.ones(len(users)) if values is None else values)[kept].astype(np.float32),
        None if times is None else times.take(kept),
        values is not None,
        [*table.notes, *checked.notes],
        checked.skipped,
        _in_words(table, columns),
        table,
        kept,
    )


def _refusal(table: RawTable, columns: Mapping[str, str], problems: list[str]) -> str:
    """One line for all that stands in the way, and what was taken for what where columns are missing."""
    if len(problems) == 1:
        return f"{table.name}{', ' if problems[0].startswith(('line ', 'row ', 'column ')) else ': '}{problems[0]}"
    numbered = "; ".join(f"({number}) {problem}" for number, problem in enumerate(problems, 1))
    if {"user", "item"} <= set(columns):
        return f"{table.name}: {numbered}"
    taken = ", ".join(f"{column} as {role}" for role, column in columns.items())
    return f"{table.name}: {numbered}" + (f"; taken so far: {taken}" if taken else "")


def _in_words(table: RawTable, columns: Mapping[str, str]) -> str:
    """Such as `columns: customer_no as user, item; not used: id`."""
    roles = ", ".join(
        column if column.strip().lower() == role else f"{column} as {role}" for role, column in columns.items()
    )
    others = [
        name
        for name in table.columns.column_names
        if name not in columns.values() and not name.startswith("__index_level_")  # as pandas calls what has no name
    ]
    return f"columns: {roles}" + (f"; not used: {listed(others)}" if others else "")


def _is_matrix(columns: pa.Table) -> bool:
    """Whether nearly all columns hold numbers or nothing, and there are many."""
    head = columns.slice(0, 100)
    numeric = sum(_holds_numbers(column) for column in head.columns)
    return bool(head.num_columns >= _MATRIX_COLUMNS and numeric >= 0.9 * head.num_columns)


def _holds_numbers(column: pa.ChunkedArray) -> bool:
    kind = column.type
    if not pa.types.is_string(kind):
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))
    return bool(pc.all(pc.or_(pc.equal(column, ""), pc.match_substring_regex(column, NUMBER))).as_py() is not False)
