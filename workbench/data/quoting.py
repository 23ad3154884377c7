"""Quotes in delimited text, as Python's `csv` takes them where it is strict, and those that swallow lines."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from workbench.data.layouts import has_digits_alone, long_values, split_line
from workbench.errors import DataError

_BLOCK = 1 << 22
"""Bytes that are looked at together."""

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
    """One record of a file, with where it stands.

    Args:
        line: the one on which it starts, from 1.
        values: what it holds.
        lines: its lines as they are in the file.
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
            opens = (np.arange(len(places)) + number) % 2 == 0
            if not (edges[text[places[opens] - 1]].all() and edges[text[places[~opens] + 1]].all()):
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


def records(lines: Iterable[str], delimiter: str, *, strict: bool = False, first: int = 1) -> Iterator[Record]:
    """Every record that is no empty line.

    Args:
        lines: with what ends them.
        delimiter: one letter.
        strict: whether a quote must be closed, and nothing follow it but a delimiter.
        first: the number of the first line.

    Raises:
        Misquoted: they are not, with `strict`.
    """
    taken: deque[str] = deque()
    line = first
    with long_values():
        reader = csv.reader(_remembered(lines, taken), delimiter=delimiter, strict=strict)
        while True:
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise Misquoted(line, line + len(taken) - 1, "unexpected end" not in str(error)) from error
            if values:
                yield Record(line, values, tuple(taken))
            line += len(taken)
            taken.clear()


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
        for record in records(lines, delimiter, strict=True, first=first):
            if watch is None:
                watch = Watch(len(record.values), delimiter)
                if headed:
                    continue
            watch.see(record)
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
    as many values as the others. It has swallowed lines if, besides, these values are like those of their columns:
    numbers where all others are, and in most lines a number or a value that stands in its column elsewhere. Where no
    column can tell, ten lines or more have been swallowed. So has a line end in a column that holds no blank otherwise.

    Args:
        n_columns: how many values a record has.
        delimiter: between them.
    """

    n_columns: int
    delimiter: str
    sample: list[list[str]] = field(default_factory=list)
    suspects: list[Record] = field(default_factory=list)

    def see(self, record: Record) -> None:
        """Take note of a record that is no header."""
        if len(record.lines) == 1:
            if len(self.sample) < _SAMPLED and len(record.values) == self.n_columns:
                self.sample.append(record.values)
        elif len(self.suspects) < _SUSPECTS and len(record.values) == self.n_columns:
            self.suspects.append(record)

    def swallowed(self) -> Record | None:
        """The first record that has swallowed lines."""
        columns = [_Column.of([row[place].strip() for row in self.sample]) for place in range(self.n_columns)]
        return next((record for record in self.suspects if self._has_swallowed(record, columns)), None)

    def _has_swallowed(self, record: Record, columns: Sequence[_Column]) -> bool:
        for column, value in zip(columns, record.values, strict=True):
            if column.is_unbroken and any(end in value for end in "\r\n"):
                return True
        rows = [[value.strip('" ') for value in split_line(line, self.delimiter)] for line in record.lines]
        if self.n_columns < 2 or any(len(row) != self.n_columns for row in rows):
            return False
        if not any(column.can_tell for column in columns):
            return len(rows) >= _FEW
        if any(column.excludes(value) for row in rows for column, value in zip(columns, row, strict=True)):
            return False
        alike = [any(column.knows(value) for column, value in zip(columns, row, strict=True)) for row in rows]
        return 2 * sum(alike) >= len(rows)


@dataclass(frozen=True)
class _Column:
    """What a column holds in the rows that are on one line each.

    Args:
        is_numeric: whether all its values are numbers, dates or times.
        is_unbroken: whether no value holds a blank.
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
            len(there) >= _FEW and not any(len(value.split()) > 1 for value in there),
            known if 2 * len(known) <= len(there) else frozenset(),
        )

    @property
    def can_tell(self) -> bool:
        return self.is_numeric or bool(self.known)

    def excludes(self, value: str) -> bool:
        return self.is_numeric and value != "" and not has_digits_alone(value)

    def knows(self, value: str) -> bool:
        return value != "" and (self.is_numeric or value in self.known)


def _remembered(lines: Iterable[str], taken: deque[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line
