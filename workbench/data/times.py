"""A column of times -> seconds since 1970 in UTC, and what they were read as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.data.arrow_values import to_text
from workbench.data.columns import NUMBER, NUMBER_WITH_COMMA, Checked, as_numbers, decimal_hint, plain_values
from workbench.data.time_formats import ISO, expression_of, likely_patterns, read_times
from workbench.errors import DataError, SettingsError
from workbench.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPED, ISO_8601 = "times", "ISO 8601"

UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
"""How many of them a second has."""

DAYS = {"days": 0, "excel": 25_569}
"""The day that is 1970-01-01; a fraction of a day is its time."""

YEAR_10000 = 253_402_300_800
"""In seconds; what lies beyond is no time."""

_MOST_EXACT = 9.2e9
"""In seconds: beyond, from 1678 to 2261, nanoseconds since 1970 need more than 64 bits and are left out."""

_PLAUSIBLE = 3e8, 4.2e9
"""In seconds: from 1979 to 2103. So wide that data is from then, so narrow that no number fits two units."""

_SHORT = (
    ("%Y", 1900, 2100), ("excel", 25_569, 73_415), ("%Y%m", 190_001, 210_012), ("%Y%m%d", 19_000_101, 21_001_231),
    ("%Y%m%d%H", 1_900_010_100, 2_100_123_123), ("%Y%m%d%H%M", 190_001_010_000, 210_012_312_359),
    ("%Y%m%d%H%M%S", 19_000_101_000_000, 21_001_231_235_959),
)  # fmt: skip
"""(format, from, to): a column of which all numbers lie there and are dates is read so; from 1900, Excel from 1970."""

_JANUARY_1970 = -86_400, 31 * 86_400
"""In seconds: where numbers come to lie that are no times, or of another unit."""


@dataclass(frozen=True)
class Times:
    """Moments in time.

    Args:
        seconds: int64[n], since 1970 in UTC, rounded down.
        nanoseconds: int32[n], beyond the seconds; None where all are whole.
        read_as: `"times"`, `"ISO 8601"`, a format (a unit, `days`, `excel` or a pattern), or nothing where numbers
            were of several units.
    """

    seconds: NDArray[np.int64]
    nanoseconds: NDArray[np.int32] | None
    read_as: str

    @property
    def keys(self) -> tuple[NDArray[Any], ...]:
        """Keys for `numpy.lexsort`, the weightiest last."""
        return (self.seconds,) if self.nanoseconds is None else (self.nanoseconds, self.seconds)

    @property
    def format(self) -> str | None:
        """How to read another column of the same kind; None where a column says by itself what it holds."""
        return None if self.read_as in (TYPED, ISO_8601, "") else self.read_as

    def take(self, rows: NDArray[Any]) -> Times:
        """The rows of a mask, or of these numbers."""
        rest = None if self.nanoseconds is None else self.nanoseconds[rows]
        return Times(self.seconds[rows], rest, self.read_as)


def as_times(checked: Checked, column: str, format: str | None = None, decimal: str = ".") -> Times:
    """A column of times: of a type for them, ISO 8601, numbers of a unit, or dates written as numbers.

    Without `format`, numbers are read as `YYYYMMDD` and the like, years, or days of Excel where all of them can be
    just that; else in the unit in which they lie between 1979 and 2103, each by its size where there are several.
    What is not plainly said by the data is among the remarks of `checked`.

    Args:
        checked: the table.
        column: its name.
        format: `seconds` to `nanoseconds`, `days` (since 1970), `excel`, or a pattern of `strptime`.
        decimal: `"."` or `","`, what stands before the fraction in text.

    Raises:
        DataError: values that are no times.
        SettingsError: an unknown format.
    """
    if format is not None and format not in UNITS and format not in DAYS:
        if "%" not in format:
            raise SettingsError(
                f"--time-format {format}: must be {', '.join((*UNITS, *DAYS))}, or a pattern such as %d.%m.%Y"
            )
        expression_of(format)
    raw, values = checked.table.columns.column(column).type, plain_values(checked.table, column)
    kind = values.type
    if isinstance(raw, pa.BaseExtensionType) and not pa.types.is_string(kind):
        raise DataError(f"{checked.table.name}, column {column} holds {raw}; give times, text or numbers")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _typed(checked, column, values)
    if pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_boolean(kind) or pa.types.is_nested(kind):
        raise DataError(f"{checked.table.name}, column {column} holds {kind}; times need a date")
    if format is not None and "%" in format:
        return _by_pattern(checked, column, values, format)
    if pa.types.is_string(kind) and format is None and not _looks_numeric(values, decimal):
        return _by_iso(checked, column, values)
    numbers = _numbers(checked, column, values, decimal)
    chosen = _guessed(checked, column, numbers) if format is None else format
    if "%" in chosen:
        return _by_pattern(checked, column, values, chosen)
    times = _of_numbers(checked, column, values, numbers, chosen)
    if format is None and chosen not in DAYS:
        _remark_1970(checked, column, values, times.seconds)
    return times


def _typed(checked: Checked, column: str, values: pa.ChunkedArray) -> Times:
    checked.refuse(pc.is_null(values).to_numpy(), column, values, "a time")
    if pa.types.is_date(values.type):
        values = pc.cast(values, pa.timestamp("s"))
    per_second = UNITS[
        {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[values.type.unit]
    ]
    seconds, rest = np.divmod(pc.fill_null(pc.cast(values, pa.int64()), 0).to_numpy(), per_second)
    return _times(seconds, rest * (10**9 // per_second), TYPED)


def _by_iso(checked: Checked, column: str, values: pa.ChunkedArray) -> Times:
    checked.remarks.append(f"{column} read as {ISO_8601}")
    zoned = pc.any(pc.match_substring_regex(values.slice(0, 1), r"(Z|:\d\d[+-]\d\d(:?\d\d)?)$")).as_py()
    if not values.null_count:
        try:
            whole = pc.cast(pc.cast(values, pa.timestamp("us", "UTC" if zoned else None)), pa.int64())
        except pa.ArrowInvalid:
            pass  # forms that Arrow does not read, or bad rows: slower, by fields
        else:
            seconds, rest = np.divmod(whole.to_numpy(), 10**6)
            return _times(seconds, rest * 1000, ISO_8601)
    seconds, nanoseconds, exist, shaped = read_times(values, ISO)
    if not shaped.all():
        checked.refuse(~shaped, column, values, "a time (a number or ISO 8601)", _hint(checked, values, ~shaped))
    checked.refuse(shaped & ~exist, column, values, "a time that exists")
    return _times(seconds, nanoseconds, ISO_8601)


def _by_pattern(checked: Checked, column: str, values: pa.ChunkedArray, pattern: str) -> Times:
    seconds, nanoseconds, exist, shaped = read_times(to_text(values), (expression_of(pattern),))
    checked.refuse(~shaped & ~checked.bad, column, values, f"a time of the form {pattern}")
    checked.refuse(shaped & ~exist, column, values, "a time that exists")
    return _times(seconds, nanoseconds, pattern)


def _hint(checked: Checked, values: pa.ChunkedArray, odd: NDArray[np.bool_]) -> str:
    """What the values may be that have no known form: numbers with a comma, or times of a usual pattern."""
    if comma := decimal_hint(checked, values, odd, "."):
        return comma
    some = values.take(pa.array(np.flatnonzero(odd)[:100])).drop_null().combine_chunks()
    fitting = likely_patterns(some) if len(some) else []
    if not fitting:
        return ""
    option = "--time-format " if checked.table.source.offers("--time-format") else ""
    return f"it looks like {option}{' or '.join(map(repr, fitting))}"


def _looks_numeric(values: pa.ChunkedArray, decimal: str) -> bool:
    head = values.slice(0, 1000)
    return bool(pc.any(pc.match_substring_regex(head, NUMBER_WITH_COMMA if decimal == "," else NUMBER)).as_py())


def _numbers(checked: Checked, column: str, values: pa.ChunkedArray, decimal: str) -> NDArray[np.int64 | np.float64]:
    """int64[n] where all are whole, since float64 has no nanoseconds; else float64[n], 0 where rows are bad."""
    whole = pa.types.is_integer(values.type) or (
        pa.types.is_string(values.type) and pc.all(pc.match_substring_regex(values, r"^-?\d{1,19}$")).as_py()
    )
    if whole and not values.null_count:
        try:
            return np.asarray(pc.cast(values, pa.int64()).to_numpy())
        except pa.ArrowInvalid:
            pass  # beyond 64 bits, and refused below
    numbers = as_numbers(checked, column, decimal)
    numbers[checked.bad] = 0
    return numbers


def _guessed(checked: Checked, column: str, numbers: NDArray[np.int64 | np.float64]) -> str:
    """The format of numbers, `""` where they are of several units."""
    good = numbers[~checked.bad] if checked.bad.any() else numbers
    if not len(good):
        return "seconds"
    low, high = good.min(), good.max()
    for name, least, most in _SHORT:
        if least <= low and high <= most and (name == "excel" or _are_dates(good, name)):
            checked.remarks.append(f"{column} read as {_named(name)}{_see(checked, '; else see')}")
            return name
    sizes = np.abs(good)
    votes = {unit: int(_fits(sizes, per).sum()) for unit, per in UNITS.items()}
    voted = [unit for unit, count in votes.items() if count]
    if len(voted) > 1:
        counts = " and ".join(f"{unit} ({counted(votes[unit], 'row')})" for unit in voted)
        checked.remarks.append(f"{column} mixes {counts}; each is read by its size{_see(checked, ', see')}")
        return ""
    middle = float(np.median(sizes))
    unit = voted[0] if voted else next(
        (unit for unit, per in reversed(UNITS.items()) if per > 1 and middle >= 1e8 * per), "seconds"
    )  # fmt: skip
    if unit != "seconds":
        checked.remarks.append(f"{column} read as {unit}")
    return unit


def _named(format: str) -> str:
    if format == "excel":
        return "Excel's numbers of days"
    return "years" if format == "%Y" else f"dates written as numbers, {format}"


def _are_dates(numbers: NDArray[np.int64 | np.float64], pattern: str) -> bool:
    distinct = np.unique(numbers)
    whole = distinct.astype(np.int64)
    if (whole != distinct).any():
        return False
    return bool(read_times(pa.array(whole).cast(pa.string()), (expression_of(pattern),))[2].all())


def _fits(sizes: NDArray[np.int64 | np.float64], per_second: int) -> NDArray[np.bool_]:
    least, most = _PLAUSIBLE
    return np.asarray((sizes >= least * per_second) & (sizes <= most * per_second))


def _of_numbers(
    checked: Checked, column: str, values: pa.ChunkedArray, numbers: NDArray[np.int64 | np.float64], format: str
) -> Times:
    if format in DAYS:
        # A day of Excel is a float: what it has beyond milliseconds is noise.
        numbers = np.round((numbers - DAYS[format]) * 86_400_000.0)
        per_second: int | NDArray[np.int64] = 1000
    elif format:
        per_second = UNITS[format]
    else:
        sizes, per_second = np.abs(numbers), np.ones(len(numbers), np.int64)
        for per in UNITS.values():
            per_second[_fits(sizes, per)] = per
    seconds, rest = np.divmod(numbers, per_second)
    wanted = f"a time in {format or 'seconds'} before the year 10000"
    checked.refuse((np.abs(seconds) >= YEAR_10000) & ~checked.bad, column, values, wanted)
    seconds[checked.bad], rest[checked.bad] = 0, 0
    return _times(
        seconds, rest * (1e9 / per_second) if rest.dtype.kind == "f" else rest * (10**9 // per_second), format
    )


def _remark_1970(checked: Checked, column: str, values: pa.ChunkedArray, seconds: NDArray[np.int64]) -> None:
    """Say so where numbers come to lie in January 1970, which is where numbers that are no times do."""
    least, most = _JANUARY_1970
    there = (seconds >= least) & (seconds < most) & ~checked.bad
    count = int(there.sum())
    if count and count == len(seconds) - int(checked.bad.sum()):
        checked.remarks.append(
            f"{column} read as seconds, all of them in January 1970, so that only their order means something"
            + _see(checked, "; see")
        )
    elif count:
        first = int(np.argmax(there))
        where = f"the first at {checked.table.where(first)}: {values[first].as_py()!s:.40}"
        checked.remarks.append(
            f"in January 1970: {counted(count, 'time')} of {column}, {where}{_see(checked, '; see')}"
        )


def _see(checked: Checked, how: str) -> str:
    return f"{how} --time-format" if checked.table.source.offers("--time-format") else ""


def _times(seconds: NDArray[np.int64], nanoseconds: NDArray[Any], read_as: str) -> Times:
    rest = np.minimum(nanoseconds, 999_999_999).astype(np.int32)
    exact = rest.any() and np.abs(seconds).max() < _MOST_EXACT
    return Times(seconds.astype(np.int64, copy=False), rest if exact else None, read_as)
