"""Columns of a raw table -> ids, numbers and times, with the row of the first bad value in every error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.data.arrow_values import are_whole, is_text, plain, to_text
from workbench.data.tables import RawTable
from workbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_SKIPPED = 0.05
"""The share of bad rows beyond which a file is not what it was taken for, and `skip` stops."""

NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"

# Above these, a number of that unit lies centuries ahead; so it is the next finer unit.
YEAR_10000 = 253_402_300_800
"""In seconds; what lies beyond is no time."""

_UNITS = ((1e17, 10**9, "nanoseconds"), (1e14, 10**6, "microseconds"), (1e11, 10**3, "milliseconds"))


@dataclass
class Checked:
    """Rows found bad so far, to be skipped together, or raised at once.

    Args:
        table: whose rows are checked.
        on_bad_rows: `error`, `skip` (up to `MOST_SKIPPED` of them) or `skip-any`.
        bad: bool[n], the rows found bad so far.
        skips: one line for each reason why rows are bad.
        remarks: one line for each thing that was guessed or changed as the columns were read.
    """

    table: RawTable
    on_bad_rows: str
    bad: NDArray[np.bool_] = field(init=False)
    skips: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bad = np.zeros(self.table.columns.num_rows, dtype=bool)

    def refuse(self, rows: NDArray[np.bool_], column: str, values: pa.ChunkedArray, wanted: str) -> None:
        """Mark rows as bad for one reason.

        Raises:
            DataError: bad rows are not to be skipped.
        """
        if not rows.any():
            return
        first = int(np.argmax(rows))
        shown = str(values[first].as_py())[:40]
        where = f"{self.table.where(first)}, column {column}: {shown!r} is not {wanted}"
        count = int(rows.sum())
        if self.on_bad_rows == "error":
            more = f" ({count:,} such rows)" if count > 1 else ""
            raise DataError(f"{self.table.name}, {where}{more}; fix the data or pass --on-bad-rows skip")
        self.skips.append(f"skipped: {count:,} row{'s' * (count != 1)}, the first at {where}")
        self.bad |= rows

    @property
    def notes(self) -> list[str]:
        """What the user should know: remarks, and which rows are skipped."""
        return [*self.remarks, *self.skips]

    @property
    def skipped(self) -> int:
        """How many rows of the file are left out, those of malformed lines included."""
        return self.table.skipped + int(self.bad.sum())

    def good_rows(self) -> NDArray[np.int64]:
        """The numbers of the rows that stay.

        Raises:
            DataError: none does, or more are bad than can be skipped without being told.
        """
        good = np.flatnonzero(~self.bad)
        if not len(good):
            raise DataError(f"{self.table.name} has no good row left")
        total = self.table.skipped + len(self.bad)
        if self.on_bad_rows == "skip" and self.skipped > MOST_SKIPPED * total:
            first = (*self.table.notes, *self.skips)[0]
            raise DataError(
                f"{self.table.name}: {self.skipped:,} of {total:,} rows would be skipped, more than "
                f"{100 * MOST_SKIPPED:.0f} % ({first}); fix the data or pass --on-bad-rows skip-any"
            )
        return good


def find_columns(
    table: RawTable,
    roles: Mapping[str, Sequence[str]],
    given: Mapping[str, str | None],
    required: Sequence[str],
    flag: str = "--{}-column",
) -> dict[str, str]:
    """Which column plays which role: the one given, else the one whose name is known.

    Args:
        table: the table.
        roles: role -> known names, lower case without separators.
        given: role -> the column the user named.
        required: roles that must be found.
        flag: how the user names the column of a role, for messages.

    Raises:
        DataError: a column is missing, or two would do.
    """
    names = list(table.columns.column_names)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{table.name}: column {twice[0]!r} stands twice; rename one")
    listing = ", ".join(names)
    found = {}
    for role, known in roles.items():
        option, wanted = flag.format(role), given.get(role)
        if wanted is not None:
            if wanted not in names:
                raise DataError(f"{table.name}: no column {wanted!r} ({option}); it has {listing}")
            found[role] = wanted
            continue
        matches = [name for name in names if _plain(name) in known]
        if len(matches) > 1:
            raise DataError(f"{table.name}: {' and '.join(matches)} could each be the {role}; say which with {option}")
        if matches:
            found[role] = matches[0]
        elif role in required:
            raise DataError(f"{table.name}: no {role} column among {listing}; say which with {option} NAME")
    return found


def as_ids(checked: Checked, column: str) -> pa.ChunkedArray:
    """Ids as text, byte-exact; whole floating-point numbers without their fraction, and that is remarked.

    Raises:
        DataError: missing or empty ids, or ids that floating-point numbers have changed.
    """
    values = plain_values(checked.table, column)
    where = f"{checked.table.name}, column {column}"
    if pa.types.is_floating(values.type):
        if not are_whole(values):
            raise DataError(
                f"{where}: ids are stored as floating-point numbers that are not whole or too large to be exact; "
                "store them as text or whole numbers"
            )
        checked.remarks.append(f"{column}: floating-point numbers, all whole, read as whole numbers")
    try:
        text = to_text(values)
    except pa.ArrowException as error:
        raise DataError(f"{where}: ids are {values.type}; give text or whole numbers") from error
    empty = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(text), ""), True)
    checked.refuse(_mask(empty), column, values, "an id")
    return pc.fill_null(text, "")


def as_numbers(checked: Checked, column: str) -> NDArray[np.float64]:
    """float64[n]; NaN where a bad row is to be skipped.

    Raises:
        DataError: text, NaN or infinity.
    """
    values = plain_values(checked.table, column)
    if pa.types.is_string(values.type):
        good = pc.fill_null(pc.match_substring_regex(values, NUMBER), False)
        checked.refuse(~_mask(good), column, values, "a number")
        numbers = pc.cast(pc.if_else(good, pc.utf8_trim_whitespace(values), "nan"), pa.float64())
    elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
        numbers = pc.cast(values, pa.float64(), safe=False)
    else:
        raise DataError(f"{checked.table.name}, column {column} holds {values.type}; numbers are needed")
    array = _numpy(numbers, np.nan).astype(np.float64, copy=False)
    finite = np.abs(array) <= np.finfo(np.float32).max
    checked.refuse(~finite & ~checked.bad, column, values, "a finite number (float32)")
    return array


def as_times(checked: Checked, column: str) -> tuple[NDArray[np.int64], str]:
    """(int64[n] UTC seconds, what they were read as).

    Raises:
        DataError: neither numbers nor ISO 8601.
    """
    values = plain_values(checked.table, column)
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        stamps = pc.cast(values, pa.timestamp("s"), safe=False)
        checked.refuse(_mask(pc.is_null(stamps)), column, values, "a time")
        return _numpy(pc.cast(stamps, pa.int64()), 0).astype(np.int64, copy=False), "times"
    if pa.types.is_string(values.type) and not _looks_numeric(values):
        return _iso_seconds(checked, column, values), "ISO 8601"
    numbers = as_numbers(checked, column)
    good = numbers[~checked.bad]
    middle = float(np.median(np.abs(good))) if len(good) else 0.0
    factor, unit = next(((by, name) for above, by, name in _UNITS if middle >= above), (1, "seconds"))
    numbers[checked.bad] = 0
    seconds = np.floor_divide(numbers, factor)
    checked.refuse(np.abs(seconds) >= YEAR_10000, column, values, f"a time in {unit} before the year 10000")
    seconds[checked.bad] = 0
    return seconds.astype(np.int64), unit


def plain_values(table: RawTable, column: str) -> pa.ChunkedArray:
    """A column with every form of text and UUIDs as `string`, and categories, runs and extension types undone.

    Raises:
        DataError: text that is not UTF-8.
    """
    values = plain(table.columns.column(column))
    if not is_text(values.type):
        return values
    try:
        text = pc.cast(values, pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid as error:
        where = table.where(_first_not_utf8(values))
        raise DataError(f"{table.name}, {where}, column {column}: not UTF-8 text; store it as UTF-8") from error
    return text


def _first_not_utf8(values: pa.ChunkedArray) -> int:
    for row, value in enumerate(pc.cast(values, pa.large_binary())):
        try:
            (value.as_py() or b"").decode()
        except UnicodeDecodeError:
            return row
    return 0


def _looks_numeric(values: pa.ChunkedArray) -> bool:
    head = values.slice(0, 1000)
    return bool(pc.any(pc.match_substring_regex(head, NUMBER)).as_py())


def _iso_seconds(checked: Checked, column: str, values: pa.ChunkedArray) -> NDArray[np.int64]:
    trimmed = pc.utf8_trim_whitespace(values)
    zoned = _mask(pc.match_substring_regex(trimmed, r"(Z|[+-]\d\d:?\d\d)$"))
    shaped = _mask(
        pc.match_substring_regex(trimmed, r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$")
    )
    dates = _mask(pc.match_substring_regex(trimmed, r"^\d{4}-\d\d-\d\d$"))
    zoned &= ~dates
    checked.refuse(~shaped, column, values, "a time (seconds, milliseconds or ISO 8601)")
    shaped &= ~checked.bad
    seconds = np.zeros(len(values), dtype=np.int64)
    for rows, kind in ((shaped & zoned, pa.timestamp("s", "UTC")), (shaped & ~zoned, pa.timestamp("s"))):
        if not rows.any():
            continue
        text = pc.replace_substring_regex(trimmed.filter(pa.array(rows)), r"\.\d+", "")
        try:
            seconds[rows] = _numpy(pc.cast(pc.cast(text, kind), pa.int64()), 0)
        except pa.ArrowInvalid:
            found = [_seconds_of(value, kind) for value in text]
            seconds[rows] = [0 if value is None else value for value in found]
            wrong = np.zeros(len(values), dtype=bool)
            wrong[rows] = [value is None for value in found]
            checked.refuse(wrong, column, values, "a time that exists")
    return seconds


def _seconds_of(text: pa.Scalar, kind: pa.DataType) -> int | None:
    try:
        return int(text.cast(kind).value)
    except pa.ArrowInvalid:
        return None


def _plain(name: str) -> str:
    # What follows a colon is a type in RecBole's files, such as `user_id:token`.
    return "".join(letter for letter in name.partition(":")[0].lower() if letter.isalnum())


def _mask(values: pa.ChunkedArray) -> NDArray[np.bool_]:
    return _numpy(pc.fill_null(values, False), False).astype(bool)


def _numpy(values: Any, fill: Any) -> NDArray[Any]:
    return np.array(
        pc.fill_null(values, fill).to_numpy(zero_copy_only=False)
        if isinstance(values, pa.Array)
        else pc.fill_null(values, fill).to_numpy()
    )
