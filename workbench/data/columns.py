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
from workbench.data.names import plain_name
from workbench.data.tables import RawTable
from workbench.errors import DataError
from workbench.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_SKIPPED = 0.05
"""The share of bad rows beyond which a file is not what it was taken for, and `skip` stops."""

MOST_LISTED = 10
"""How many columns are named in a message."""

NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"

NUMBER_WITH_COMMA = NUMBER.replace(r"\.", ",")

_THOUSANDS = r"^\s*[+-]?[1-9]\d{0,2}([,]\d{3})+\s*$"
"""Numbers whose commas may be between thousands as well as decimal ones."""


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

    def refuse(
        self, rows: NDArray[np.bool_], column: str, values: pa.ChunkedArray, wanted: str, hint: str = ""
    ) -> None:
        """Mark rows as bad for one reason; `hint` says what the values may be, and what to do then.

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
            raise DataError(f"{self.table.name}, {where}{more}; {hint or 'fix the data' + self._or_pass('skip')}")
        self.skips.append(f"skipped: {counted(count, 'row')}, the first at {where}{hint and '; ' + hint}")
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
        first = next((note for note in (*self.table.notes, *self.skips) if note.startswith("skipped")), "")
        if not len(good):
            raise DataError(f"{self.table.name} has no good row left" + (f" ({first})" if first else ""))
        total = self.table.skipped + len(self.bad)
        if self.on_bad_rows == "skip" and self.skipped > MOST_SKIPPED * total:
            raise DataError(
                f"{self.table.name}: {self.skipped:,} of {total:,} rows would be skipped, more than "
                f"{100 * MOST_SKIPPED:.0f} % ({first}); fix the data{self._or_pass('skip-any')}"
            )
        return good

    def _or_pass(self, skip: str) -> str:
        return f" or pass --on-bad-rows {skip}" if self.table.source.offers("--on-bad-rows") else ""


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
        DataError: all columns that are missing, or of which two would do.
    """
    found, problems = guess_columns(table, roles, given, required, flag)
    if problems:
        raise DataError(f"{table.name}: {'; '.join(problems)}")
    return found


def guess_columns(
    table: RawTable,
    roles: Mapping[str, Sequence[str]],
    given: Mapping[str, str | None],
    required: Sequence[str],
    flag: str,
) -> tuple[dict[str, str], list[str]]:
    """(role -> column as far as it is clear, what stands in the way of the others); see `find_columns`."""
    names = list(table.columns.column_names)
    found: dict[str, str] = {}
    problems = [f"column {name!r} stands twice; rename one" for name, count in Counter(names).items() if count > 1]
    missing = []
    for role, known in roles.items():
        option, wanted = flag.format(role), given.get(role)
        known_option = table.source.offers(option)
        matches = (
            [wanted] if wanted is not None else [name for name in dict.fromkeys(names) if plain_name(name) in known]
        )
        if wanted is not None and wanted not in names:
            named = f" ({option})" if known_option else ""
            problems.append(f"no column {wanted!r}{named}; it has {listed(names)}")
        elif len(matches) > 1:
            remedy = f"say which with {option}" if known_option else "rename one"
            problems.append(f"{' and '.join(matches)} could each be the {role}; {remedy}")
        elif matches:
            found[role] = matches[0]
        elif role in required:
            missing.append(role)
    if missing:
        lacking = " and ".join(f"no {role} column" for role in missing)
        options = [flag.format(role) for role in missing]
        which = " and ".join(f"{option} NAME" for option in options)
        remedy = f"say which with {which}" if all(map(table.source.offers, options)) else "rename a column"
        problems.append(f"{lacking} among {listed(names)}; {remedy}")
    return found, problems


def listed(names: Sequence[str]) -> str:
    """Names of columns for a message; of very many, the first and how many there are."""
    shown = ", ".join(name if name.strip() else "(no name)" for name in names[:MOST_LISTED])
    return shown if len(names) <= MOST_LISTED else f"{shown} and {len(names) - MOST_LISTED:,} more"


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
                f"{where}: ids are floating-point numbers, not whole or too large to be exact; store them as text"
            )
        checked.remarks.append(f"{column}: floating-point numbers, all whole, read as whole numbers")
    try:
        text = to_text(values)
    except pa.ArrowException as error:
        raise DataError(f"{where}: ids are {values.type}; give text or whole numbers") from error
    empty = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(text), ""), True)
    checked.refuse(_mask(empty), column, values, "an id")
    broken = _mask(pc.match_substring_regex(text, "[\r\n]"))
    if broken.any():
        count, first = int(broken.sum()), checked.table.where(int(np.argmax(broken)))
        checked.remarks.append(f"line ends in {counted(count, 'id')} of {column}, the first at {first}")
    return pc.fill_null(text, "")


def as_numbers(checked: Checked, column: str, decimal: str = ".") -> NDArray[np.float64]:
    """float64[n]; NaN where a bad row is to be skipped.

    Args:
        checked: the table.
        column: its name.
        decimal: `"."` or `","`, what stands before the fraction in text.

    Raises:
        DataError: text, NaN or infinity.
    """
    values = plain_values(checked.table, column)
    if pa.types.is_string(values.type):
        good = _mask(pc.match_substring_regex(values, NUMBER_WITH_COMMA if decimal == "," else NUMBER))
        wanted = "a number" + " with a decimal comma" * (decimal == ",")
        checked.refuse(~good, column, values, wanted, decimal_hint(checked, values, ~good, decimal))
        text = pc.utf8_trim_whitespace(pc.if_else(pa.array(good), values, "nan"))
        numbers = pc.cast(pc.replace_substring(text, ",", ".") if decimal == "," else text, pa.float64())
    elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
        numbers = pc.cast(values, pa.float64(), safe=False)
    else:
        raise DataError(f"{checked.table.name}, column {column} holds {values.type}; numbers are needed")
    array = _numpy(numbers, np.nan).astype(np.float64, copy=False)
    finite = np.abs(array) <= np.finfo(np.float32).max
    checked.refuse(~finite & ~checked.bad, column, values, "a finite number (float32)")
    return array


def decimal_hint(checked: Checked, values: pa.ChunkedArray, bad: NDArray[np.bool_], decimal: str) -> str:
    """What to do where the first bad value is a number with the other sign before its fraction; else nothing."""
    first = values[int(np.argmax(bad))] if bad.any() else None
    if first is None or not pc.match_substring_regex(first, NUMBER if decimal == "," else NUMBER_WITH_COMMA).as_py():
        return ""
    other, name = (".", "point") if decimal == "," else (",", "comma")
    remedy = f": pass --decimal {other}" if checked.table.source.offers("--decimal") else ""
    if pc.all(pc.match_substring_regex(values.filter(pa.array(bad)), _THOUSANDS.replace(",", other))).as_py():
        return f"a {name} between thousands has to be taken out; or if it is a decimal {name}{remedy}"
    return f"it looks like a decimal {name}{remedy}"


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


def _mask(values: pa.ChunkedArray) -> NDArray[np.bool_]:
    return _numpy(pc.fill_null(values, False), False).astype(bool)


def _numpy(values: Any, fill: Any) -> NDArray[Any]:
    return np.array(
        pc.fill_null(values, fill).to_numpy(zero_copy_only=False)
        if isinstance(values, pa.Array)
        else pc.fill_null(values, fill).to_numpy()
    )
