"""How a delimited file is laid out, by its first records: comments, delimiter, header."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from workbench.data.names import plain_name

DELIMITERS = ",\t;|"

DOUBLE_COLON, BLANKS = "::", " "
"""Delimiters of more than one letter: MovieLens' own, and blanks, as many as there are. They know no quotes."""

SAMPLED = 200
"""Lines that are looked at."""

MOST_OF_LINES = 1 << 24
"""Letters of those lines together."""

COMMENT = ("#", "%")

_SEPARATOR = "sep="
"""Start of a first line that tells Excel the delimiter, as in `sep=;`; the line is not a row."""

_LONG = 100
"""Digits from which on a value is neither a year nor a name of a column; `int` refuses a text of thousands."""

Cut = Callable[[Sequence[str]], list[list[str]]]


@dataclass(frozen=True)
class Layout:
    """What a delimited file begins with, and what is between its values.

    Args:
        delimiter: one of `DELIMITERS`, `DOUBLE_COLON` or `BLANKS`.
        comments: how many lines stand above the first record.
        first: the values of the first record.
        rest: those of the next ones, as far as they were looked at.
        agreed: which share of `rest` has as many values as `first`, or as the columns that were named.
    """

    delimiter: str
    comments: int
    first: list[str]
    rest: list[list[str]]
    agreed: float

    @property
    def is_quoted(self) -> bool:
        """Whether a quote at the beginning of a value has a meaning."""
        return self.delimiter in DELIMITERS

    @property
    def begins_with_data(self) -> bool:
        """Whether the first record looks like those after it and not like a header.

        It does where all its values are numbers; or where it has a number in each column that has nothing else,
        and such a column or a value that comes back in its own column. Names that count up are a header, and so are
        years above columns that hold none.
        """
        if self.first and all(is_number(value) for value in self.first):
            return True
        rows = [row for row in self.rest if len(row) == len(self.first) and row != self.first]
        numbers, below, comes_back = [], [], False
        for place, value in enumerate(self.first):
            others = [row[place] for row in rows if row[place].strip()]
            if others and all(has_digits_alone(other) for other in others):
                if not has_digits_alone(value):
                    return False
                numbers.append(value)
                below += others
            elif value.strip():
                comes_back |= others.count(value) > 1
        years = numbers and all(map(_is_year, numbers)) and not any(map(_is_year, below))
        return (comes_back or bool(numbers)) and not _counts_up(numbers) and not years

    def has_header(self, names: Sequence[str]) -> bool:
        """Whether the first record is the header that the user has named once more, by half of the names or more."""
        if len(names) != len(self.first):
            return False
        same = sum(plain_name(name) == plain_name(found) != "" for name, found in zip(names, self.first, strict=True))
        return 2 * same >= len(names)

    def is_headed(self) -> bool:
        """Whether the first record has no number where all others have nothing else, in half of the columns or more."""
        rows = [row for row in self.rest if len(row) == len(self.first)]
        if len(rows) < 3 or any(map(has_digits_alone, self.first)):
            return False
        numbers = [place for place in range(len(self.first)) if all(has_digits_alone(row[place]) for row in rows)]
        return 2 * len(numbers) >= len(self.first)


def layout_of(lines: Sequence[str], names: Sequence[str], *, tabs: bool) -> Layout:
    """Find out by what the first records agree.

    Args:
        lines: the first ones, with what ends them.
        names: of the columns, where the user gave them.
        tabs: whether the file's name says that tabs are between values.
    """
    above = _lines_of_comments(lines)
    found = _best(lines[above:], len(names), tabs=tabs, comments=above)
    if not above:
        return found
    last = lines[above - 1]
    own = _cut_by(found.delimiter)([last])
    if last.startswith(COMMENT) and own and len(own[0]) == len(found.first) > 1 and _is_header(last, found):
        return _best(lines[above - 1 :], len(names), tabs=tabs, comments=above - 1)
    return found


def _is_header(comment: str, below: Layout) -> bool:
    """Whether a comment that has as many values as the record below it is the header, such as `#user,item`."""
    begins_with_a_name = bool(comment[1:2].strip())
    if below.begins_with_data:
        return begins_with_a_name or below.delimiter != BLANKS  # between words of a sentence there are blanks, too
    return begins_with_a_name and not below.is_headed()


@contextmanager
def long_values() -> Iterator[None]:
    """Python's `csv` refuses values beyond 128 KiB otherwise."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def split_line(line: str, delimiter: str) -> list[str]:
    """The values of a line, quotes taken for letters."""
    return line.rstrip("\r\n").split(None if delimiter == BLANKS else delimiter)


def is_number(text: str) -> bool:
    """Whether Python reads it as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _lines_of_comments(lines: Sequence[str]) -> int:
    above = 0
    for number, line in enumerate(lines, 1):
        if line.startswith(COMMENT) or (number == 1 and line.rstrip("\r\n")[:-1] == _SEPARATOR):
            above = number
        elif line.strip():
            return above
    return 0


def _best(lines: Sequence[str], named: int, *, tabs: bool, comments: int) -> Layout:
    layouts = [_layout(lines, delimiter, named, comments) for delimiter in (*DELIMITERS, DOUBLE_COLON)]
    split = [layout for layout in layouts if len(layout.first) > 1 or named == 1]
    if tabs:
        by_tabs = layouts[DELIMITERS.index("\t")]
        if len(by_tabs.first) > 1 or not any(layout.agreed == 1 for layout in split):
            return by_tabs
    if split:
        # Of `a::b` a part of the rows may agree by another delimiter, which texts happen to hold.
        return max(split, key=lambda layout: (round(layout.agreed, 2), len(layout.first)))
    by_blanks = _layout(lines, BLANKS, named, comments)
    if len(by_blanks.first) > 1 and by_blanks.agreed == 1 and _are_numbers(by_blanks.rest or [by_blanks.first]):
        return by_blanks
    return layouts[0]


def _layout(lines: Sequence[str], delimiter: str, named: int, comments: int) -> Layout:
    rows = _cut_by(delimiter)(lines)
    if len(lines) >= SAMPLED and len(rows) > 2:
        rows.pop()  # its quote may close in a line that was not looked at
    first, rest = (rows[0], rows[1:]) if rows else ([], [])
    wanted = named or len(first)
    counted = rows if named else rest
    agreed = sum(len(row) == wanted for row in counted) / len(counted) if counted else 1.0
    return Layout(delimiter, comments, first, rest, agreed)


def _cut_by(delimiter: str) -> Cut:
    def by_text(lines: Sequence[str]) -> list[list[str]]:
        return [split_line(line, delimiter) for line in lines if line.strip()]

    def by_csv(lines: Sequence[str]) -> list[list[str]]:
        with long_values():
            rows = csv.reader(lines, delimiter=delimiter)
            return [row for row in rows if any(value.strip() for value in row) or len(row) > 1]

    return by_csv if delimiter in DELIMITERS else by_text


def has_digits_alone(text: str) -> bool:
    """Whether it is a number, a date or a time: digits, and no letters but those of numbers."""
    return any(map(str.isdigit, text)) and (is_number(text) or not any(map(str.isalpha, text)))


def _are_numbers(rows: Sequence[Sequence[str]]) -> bool:
    values = [value for row in rows for value in row]
    return 2 * sum(map(has_digits_alone, values)) >= len(values)


def _counts_up(names: Sequence[str]) -> bool:
    if len(names) < 2 or not all(name.strip().isdecimal() and len(name) < _LONG for name in names):
        return False
    numbers = [int(name) for name in names]
    return all(after - before == 1 for before, after in pairwise(numbers))


def _is_year(text: str) -> bool:
    return text.strip().isdecimal() and len(text) < _LONG and 1900 <= int(text) <= 2100
