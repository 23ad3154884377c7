"""Columns with missing values -> numbers and text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.data.columns import NUMBER, plain_values
from workbench.data.tables import RawTable
from workbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MISSING = ("", "?", "na", "n/a", "nan", "null", "none")
"""Texts that stand for a missing value in a column of features or numbers, in whatever case; in one of classes only
the first does."""


def as_text_or_missing(table: RawTable, column: str) -> pa.Array:
    """string[n], spaces at both ends left out; null where the value is missing.

    Raises:
        DataError: there is no such column, or its text is not UTF-8.
    """
    values = _column(table, column)
    if pa.types.is_nested(values.type):
        raise DataError(f"{table.name}, column {column} holds {values.type}; give numbers or text")
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    try:
        text = pc.utf8_trim_whitespace(pc.cast(values, pa.string()))
    except pa.ArrowNotImplementedError as error:  # intervals of months and days
        raise DataError(f"{table.name}, column {column} holds {values.type}; give numbers or text") from error
    missing = pc.is_in(pc.utf8_lower(text), value_set=pa.array(MISSING))
    return _whole(pc.if_else(missing, None, text))


def missing_words(table: RawTable, columns: Iterable[str]) -> tuple[str, ...]:
    """A line that counts the words, such as `NA`, that are read as missing in these columns; none where none is.

    Raises:
        DataError: as `as_text_or_missing`.
    """
    found = []
    for column in columns:
        values = _column(table, column)
        if pa.types.is_string(values.type):
            text = pc.utf8_trim_whitespace(values)
            words = text.filter(pc.is_in(pc.utf8_lower(text), value_set=pa.array(MISSING[1:])))
            counts = sorted((each["values"], each["counts"]) for each in pc.value_counts(words).to_pylist())
            found += [f"{word!r} in {column} ({count:,})" for word, count in counts]
    return (f"read as missing: {', '.join(found)}",) if found else ()


def holds_numbers(table: RawTable, column: str) -> bool:
    """Whether some value is there, and every one that is there is a number.

    Raises:
        DataError: as `as_text_or_missing`.
    """
    text = as_text_or_missing(table, column)
    return text.null_count < len(text) and not _no_numbers(table, column, text).any()


def as_numbers_or_missing(table: RawTable, column: str) -> NDArray[np.float64]:
    """float64[n], NaN where the value is missing or infinite.

    Raises:
        DataError: some value is no number; or as `as_text_or_missing`.
    """
    text = as_text_or_missing(table, column)
    wrong = _no_numbers(table, column, text)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{table.name}, {table.where(row)}, column {column}: {text[row].as_py()!r:.40} is not a number")
    values = _column(table, column)
    numbers = pc.cast(text if pa.types.is_string(values.type) else values, pa.float64(), safe=False)
    found = np.array(_whole(numbers).to_numpy(zero_copy_only=False), dtype=np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


def _no_numbers(table: RawTable, column: str, text: pa.Array) -> NDArray[np.bool_]:
    """bool[n]: whether a value is there and is no number."""
    kind = _column(table, column).type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return np.zeros(len(text), dtype=bool)
    is_number = pc.match_substring_regex(text, NUMBER) if pa.types.is_string(kind) else pc.is_null(text)
    return np.asarray(~pc.fill_null(is_number, True).to_numpy(zero_copy_only=False))


def _column(table: RawTable, column: str) -> pa.ChunkedArray:
    if column not in table.columns.column_names:
        raise DataError(f"{table.name}: no column {column!r}; it has {', '.join(table.columns.column_names)}")
    return plain_values(table, column)


def _whole(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
