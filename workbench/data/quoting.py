"""Quotes in delimited text, as Python's `csv` takes them where it is strict, and those that swallow lines."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from workbench.data.layouts import has_digits_alone, long_values, split_line
from workbench.errors import DataError

_BLOCK = 1 << 20
"""Bytes that are looked at together, so that they stay in the processor's cache."""

_SAMPLED = 2000
"""Rows on one line each by which columns are known."""

_SUSPECTS = 100
"""Values that are looked at more closely, the first ones."""

_FEW = 10
"""Rows, or lines, that it takes to say what a column holds, or that lines look like rows."""

REMEDY = "close the quote, double it or take it out; where the value is meant so, give Parquet or JSONL"


class Quotes(Enum):
    """What a look at the bytes alone says of the quotes in a file."""

    NONE = "there is none"
    PLAIN = "each opens or closes a value, or is one of two within it, and values are on one line"
    OTHER = "some stand otherwise, or values hold line ends"


@dataclass(frozen=True)
class Record:
    """A record on several lines.

    Args:
        line: the one on which it starts, from 1.
        values: what it holds.
        lines: as they are in the file.
    """

    line: int
    values: list[str]
    lines: Sequence[str]


class Misquoted(Exception):
    """A quote is not closed, or text follows one that closes.

    Args:
        start: the first line of the record.
        end: the last line of it, as far as it was read.
        closed: whether the quote was closed.
    """

    def __init__(self, start: int, end: int, closed: bool) -> None:
        super().__init__(start, end, closed)
        self.start, self.end, self.closed = start, end, closed


def quotes_in(stream: Any, delimiter: str) -> Quotes:
    """Look at the quotes of a text in an encoding that keeps ASCII, far faster than `records` does.

    Of all quotes, by turns, one opens and one closes. This holds where each that opens follows a delimiter, a line
    end or a quote that closes, and each that closes is followed by one of these or by a quote that opens.
    """
    edges = np.zeros(256, dtype=bool)
    edges[[ord(delimiter), *b'\r\n"']] = True
    before, number = b"\n", 0  # the last byte that was looked at and the next one; how many quotes there were
    block = stream.read(_BLOCK).removeprefix(codecs.BOM_UTF8)
    while True:
        text = np.frombuffer(before + (block or b"\n"), dtype=np.uint8)
        places = np.flatnonzero(text[1:-1] == ord('"')) + 1
        if len(places):
            opens, closes = places[number % 2 :: 2], places[1 - number % 2 :: 2]
            if not (edges[text[opens - 1]].all() and edges[text[closes + 1]].all()):
                return Quotes.OTHER
        if number or len(places):
            ends = np.flatnonzero((text[1:-1] == 10) | (text[1:-1] == 13)) + 1
            if ((np.searchsorted(places, ends) + number) % 2).any():
                return Quotes.OTHER
        number += len(places)
        if not block:
            return Quotes.OTHER if number % 2 else Quotes.PLAIN if number else Quotes.NONE
        before = text[-2:].tobytes()
        block = stream.read(_BLOCK)


class Records:
    """Iterates over the values of every record that is no empty line.

    Args:
        lines: with what ends them.
        delimiter: one letter.
        strict: whether a quote must be closed, and nothing follow it but a delimiter.
        first: the number of the first line.

    Raises:
        Misquoted: they are not, with `strict`, while it iterates.
    """

    def __init__(self, lines: Iterable[str], delimiter: str, *, strict: bool = False, first: int = 1) -> None:
        self.line = first
        """The line on which the record starts that was given last."""
        self.taken: list[str] = []
        """The lines of that record as they are in the file."""
        self._reader = csv.reader(self._remembered(lines), delimiter=delimiter, strict=strict)

    def __iter__(self) -> Iterator[list[str]]:
        with long_values():
            while True:
                self.line += len(self.taken)
                self.taken.clear()
                try:
                    values = next(self._reader, None)
                except csv.Error as error:
                    end = self.line + len(self.taken) - 1
                    raise Misquoted(self.line, end, "unexpected end" not in str(error)) from error
                if values is None:
                    return
                if values:
                    yield values

    def _remembered(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self.taken.append(line)
            yield line


def check_quotes(name: str, lines: Iterable[str], delimiter: str, *, headed: bool, first: int) -> None:
    """Read a whole file strictly, and look at values that hold line ends.

    Args:
        name: of the file, for messages.
        lines: as `records` takes them.
        delimiter: one letter.
        headed: whether the first record is a header.
        first: the number of the first line.

    Raises:
        DataError: text follows a quote that closes, a quote is not closed, or one has swallowed lines.
    """
    watch: Watch | None = None
    try:
        found = Records(lines, delimiter, strict=True, first=first)
        for values in found:
            if watch is None:
                watch = Watch(len(values), delimiter)
                if headed:
                    continue
            if len(found.taken) > 1:
                watch.suspect(Record(found.line, values, tuple(found.taken)))
            elif len(watch.sample) < _SAMPLED and len(values) == watch.n_columns:
                watch.sample.append(values)
    except Misquoted as error:
        if not error.closed:
            raise DataError(f"{name}, line {error.start}: a quote opens and is never closed; {REMEDY}") from error
        closes = f" on line {error.end}" if error.start != error.end else ""
        message = f"{name}, line {error.start}: a quote opens, and text follows where it closes{closes}; {REMEDY}"
        raise DataError(message) from error
    swallowed = watch.swallowed() if watch else None
    if swallowed is not None:
        end = swallowed.line + len(swallowed.lines) - 1
        raise DataError(
            f"{name}, lines {swallowed.line} to {end}: a quoted value holds line ends, and what is in it looks like "
            f"rows or pieces of them; {REMEDY}"
        )


@dataclass
class Watch:
    """Tells values that hold line ends from quotes that swallow lines.

    A record on several lines is suspicious where each of its lines, its quotes taken for letters, would be a record of
    as many values as the others. It has swallowed lines if, besides, a value holds line ends in a column that holds no
    blank otherwise; or if what the quotes enclose is like its columns: numbers where all others are, and in half of
    the lines a number or a value that stands in its column elsewhere. Where no column can tell, ten lines or more have
    been swallowed.

    Args:
        n_columns: how many values a record has.
        delimiter: between them.
        sample: the first rows that are on one line each, by which columns are known.
    """

    n_columns: int
    delimiter: str
    sample: list[list[str]] = field(default_factory=list)
    suspects: list[Record] = field(default_factory=list)

    def suspect(self, record: Record) -> None:
        """Take note of a record that is to be looked at in the end."""
        if len(self.suspects) < _SUSPECTS and len(record.values) == self.n_columns:
            self.suspects.append(record)

    def swallowed(self) -> Record | None:
        """The first record that has swallowed lines."""
        columns = [_Column.of([row[place].strip() for row in self.sample]) for place in range(self.n_columns)]
        return next((record for record in self.suspects if self._has_swallowed(record, columns)), None)

    def _has_swallowed(self, record: Record, columns: Sequence[_Column]) -> bool:
        rows = [[value.strip('" ') for value in split_line(line, self.delimiter)] for line in record.lines]
        if any(len(row) != self.n_columns for row in rows):
            return False
        broken = [place for place, value in enumerate(record.values) if any(end in value for end in "\r\n")]
        if any(columns[place].is_unbroken for place in broken):
            return True
        if self.n_columns < 2:
            return False
        if not any(column.can_tell for column in columns):
            return len(rows) >= _FEW
        if any(column.excludes(value) for row in rows for column, value in zip(columns, row, strict=True)):
            return False
        # The record's own values, before the quote opens and after it closes, are no evidence.
        rows[0][: broken[0]] = [""] * broken[0]
        rows[-1][broken[-1] + 1 :] = [""] * (self.n_columns - broken[-1] - 1)
        alike = [any(column.knows(value) for column, value in zip(columns, row, strict=True)) for row in rows]
        return 2 * sum(alike) >= len(rows)


@dataclass(frozen=True)
class _Column:
    """What a column holds in the rows that are on one line each.

    Args:
        is_numeric: whether all its values are numbers, dates or times.
        is_unbroken: whether all its values are ASCII without a blank.
        known: its values, where each stands there twice on average.
    """

    is_numeric: bool
    is_unbroken: bool
    known: frozenset[str]

    @classmethod
    def of(cls, values: Sequence[str]) -> _Column:
        there = [value for value in values if value]
        known = frozenset(there)
        return cls(
            len(there) > 1 and all(map(has_digits_alone, there)),
            len(there) >= _FEW and all(value.isascii() and len(value.split()) < 2 for value in there),
            known if 2 * len(known) <= len(there) else frozenset(),
        )

    @property
    def can_tell(self) -> bool:
        return self.is_numeric or bool(self.known)

    def excludes(self, value: str) -> bool:
        return self.is_numeric and value != "" and not has_digits_alone(value)

    def knows(self, value: str) -> bool:
        return value != "" and (self.is_numeric or value in self.known)
