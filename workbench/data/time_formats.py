"""Texts of times -> seconds since 1970: ISO 8601, and the patterns of `strptime`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ZONE = r"(?P<z>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)"
_FRACTION = r"(?:[.,](?P<f>\d+))?"

ISO = (
    r"^(?P<Y>\d{4})-(?P<m>\d\d)(?:-(?P<d>\d\d)"
    rf"(?:[Tt ](?P<H>\d\d)(?::(?P<M>\d\d)(?::(?P<S>\d\d){_FRACTION})?)?(?: ?{_ZONE})?)?)?$",
    rf"^(?P<Y>\d{{4}})(?P<m>\d\d)(?P<d>\d\d)[Tt](?P<H>\d\d)(?:(?P<M>\d\d)(?:(?P<S>\d\d){_FRACTION})?)?{_ZONE}?$",
)
"""Expressions of ISO 8601 in its extended form, with what databases make of it, and in its basic form."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_NUMBERS = {"Y": r"\d{4}", "f": r"\d{1,9}", **dict.fromkeys("ymdHIMS", r"\d\d")}
_WORDS = {
    "z": _ZONE, "p": r"(?P<p>[AaPp]\.?[Mm]\.?)", "b": r"(?P<b>[A-Za-z]+)\.?", "B": r"(?P<b>[A-Za-z]+)",
    "a": r"[A-Za-z]+\.?", "A": r"[A-Za-z]+", "%": "%",
}  # fmt: skip

_LIKELY_DATES = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%y", "%d/%m/%y",
    "%m/%d/%y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%b %d %Y", "%a, %d %b %Y",
)  # fmt: skip
_LIKELY_CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %H:%M:%S,%f",
    " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S %z", ", %H:%M", ", %H:%M:%S",
)  # fmt: skip


def likely_patterns(texts: pa.Array) -> list[str]:
    """The usual patterns under which every one of some texts is a time that exists."""
    return [
        pattern
        for pattern in map("".join, product(_LIKELY_DATES, _LIKELY_CLOCKS))
        if read_times(texts, (expression_of(pattern),))[2].all()
    ]


@cache
def expression_of(pattern: str) -> str:
    """A pattern of `strptime` as a regular expression whose groups are the fields of `read_times`.

    Raises:
        SettingsError: a pattern that has no year, a directive that is unknown, or one twice.
    """
    directives = [letter for _, letter in _parts(pattern) if letter]
    fields = ["b" if letter == "B" else letter for letter in directives if letter not in "%aA"]
    for letter in directives:
        if letter not in _NUMBERS and letter not in _WORDS:
            known = " ".join(f"%{name}" for name in (*_NUMBERS, *_WORDS))
            raise SettingsError(f"--time-format {pattern}: no directive %{letter}; there are {known}")
    if len(set(fields)) < len(fields) or {"y", "Y"} <= set(fields) or {"m", "b"} <= set(fields):
        raise SettingsError(f"--time-format {pattern}: a field stands in it twice")
    if not {"y", "Y"} & set(fields) or ("d" in fields and not {"m", "b"} & set(fields)):
        raise SettingsError(f"--time-format {pattern}: a time needs a year such as %Y, and a day needs a month")
    if ("I" in fields) != ("p" in fields):
        raise SettingsError(f"--time-format {pattern}: %I and %p go together")
    expression = ""
    for place, (literal, letter) in enumerate(parts := list(_parts(pattern))):
        lone = bool(literal or not place) and (place + 1 == len(parts) or bool(parts[place + 1][0]))
        digits = r"\d{1,2}" if lone and letter in "ymdHIMS" else _NUMBERS.get(letter, "")
        expression += re.sub(r"(\\?\s)+", r"\\s+", re.escape(literal))
        expression += f"(?P<{letter}>{digits})" if digits else _WORDS.get(letter, "")
    return f"^{expression}$"


def read_times(
    texts: pa.Array | pa.ChunkedArray, expressions: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]:
    """(int64[n] seconds UTC, int32[n] nanoseconds beyond them, which exist, which have the form of a time).

    Hour 24 is midnight of the next day and second 60 the first of the next minute; without a zone times are UTC.

    Args:
        texts: string[n].
        expressions: with groups `Y` or `y`, and, as far as there are, `m` or `b`, `d`, `H` or `I` and `p`, `M`, `S`,
            `f` and `z`; a text is read by the first that matches it.
    """
    n = len(texts)
    seconds, nanoseconds = np.zeros(n, np.int64), np.zeros(n, np.int32)
    exist, shaped = np.zeros(n, bool), np.zeros(n, bool)
    trimmed = pc.utf8_trim_whitespace(texts)
    if isinstance(trimmed, pa.ChunkedArray):
        trimmed = trimmed.combine_chunks()
    for expression in expressions:
        rows = np.flatnonzero(~shaped)
        found = pc.extract_regex(trimmed if len(rows) == n else trimmed.take(pa.array(rows)), expression)
        fits = found.is_valid().to_numpy(zero_copy_only=False)
        rows, found = rows[fits], found.filter(pa.array(fits))
        if len(rows):
            shaped[rows] = True
            fields = {field.name: found.field(place) for place, field in enumerate(found.type)}
            seconds[rows], nanoseconds[rows], exist[rows] = _moments(fields, len(rows))
        if len(rows) == n:
            break
    return seconds, nanoseconds, exist, shaped


def _moments(fields: Mapping[str, pa.Array], n: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """(seconds, nanoseconds, which exist) of times taken apart."""

    def number(name: str, default: int) -> NDArray[np.int64]:
        return _integers(fields[name], default) if name in fields else np.full(n, default, np.int64)

    if "y" in fields:
        short = number("y", 0)
        year = short + np.where(short < 69, 2000, 1900)
    else:
        year = number("Y", 0)
    month = _month_numbers(fields["b"]) if "b" in fields else number("m", 1)
    day, hour, minute, second = number("d", 1), number("H", 0), number("M", 0), number("S", 0)
    fraction = _nanoseconds(fields["f"]) if "f" in fields else np.zeros(n, np.int64)
    exist = (month >= 1) & (month <= 12)
    if "p" in fields:
        half = number("I", 0)
        exist &= (half >= 1) & (half <= 12)
        afternoon = pc.match_substring_regex(fields["p"], "^[Pp]").to_numpy(zero_copy_only=False)
        hour = half % 12 + 12 * afternoon
    months = (year - 1970) * 12 + np.where(exist, month, 1) - 1
    first, after = (_days(months + step) for step in (0, 1))
    offset, zone_exists = _offsets(fields["z"]) if "z" in fields else (0, True)
    exist &= (day >= 1) & (day <= after - first) & (minute <= 59) & (second <= 60) & zone_exists
    exist &= (hour <= 23) | ((hour == 24) & (minute == 0) & (second == 0) & (fraction == 0))
    seconds = (first + day - 1) * 86_400 + hour * 3600 + minute * 60 + second - offset
    return np.where(exist, seconds, 0), np.where(exist, fraction, 0), exist


def _parts(pattern: str) -> Iterator[tuple[str, str]]:
    """(what stands before a directive, its letter), and at last what is left with an empty letter."""
    *directives, rest = re.split(r"%(.)", pattern.strip(), flags=re.DOTALL)
    yield from zip(directives[::2], directives[1::2], strict=True)
    if rest:
        yield rest, ""


def _days(months: NDArray[np.int64]) -> NDArray[np.int64]:
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _integers(texts: pa.Array, default: int) -> NDArray[np.int64]:
    if pc.any(pc.equal(texts, "")).as_py():
        texts = pc.if_else(pc.equal(texts, ""), str(default), texts)
    return np.asarray(pc.cast(texts, pa.int64()).to_numpy(zero_copy_only=False))


def _nanoseconds(fractions: pa.Array) -> NDArray[np.int64]:
    return _integers(pc.utf8_slice_codeunits(pc.utf8_rpad(fractions, 9, "0"), 0, 9), 0)


def _month_numbers(names: pa.Array) -> NDArray[np.int64]:
    """1 to 12; 0 where it is no English month, short or in full."""
    short = pc.utf8_slice_codeunits(pc.utf8_lower(names), 0, 3)
    return np.asarray(
        pc.fill_null(pc.index_in(short, pa.array(_MONTHS)), -1).to_numpy(zero_copy_only=False) + 1, np.int64
    )


def _offsets(zones: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(seconds east of Greenwich, which exist) of zones; an empty one is UTC. They are few, whatever the rows."""
    encoded = zones.dictionary_encode()
    offsets, exist = [], []
    for zone in encoded.dictionary.to_pylist():
        signed = zone[:1] in ("+", "-")
        digits = zone[1:].replace(":", "").ljust(6, "0") if signed else "000000"
        hours, minutes, seconds = (int(digits[place : place + 2]) for place in (0, 2, 4))
        offsets.append((hours * 3600 + minutes * 60 + seconds) * (-1 if zone[0:1] == "-" else 1))
        exist.append(hours < 24 and minutes < 60 and seconds < 60)
    which = encoded.indices.to_numpy(zero_copy_only=False)
    return np.array(offsets, np.int64)[which], np.array(exist, bool)[which]
