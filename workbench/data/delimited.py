"""Delimited text files: their layout is found out, all values are text, and faults are named by line or byte."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.contract.task import Source, file_name
from workbench.data.files import UTF_8, codec_of, ending, opened
from workbench.data.layouts import MOST_OF_LINES, SAMPLED, layout_of, split_line
from workbench.data.quoting import Quotes, Records, check_quotes, quotes_in
from workbench.errors import DataError
from workbench.wording import counted

LARGE_BLOCK = 2**28
"""Bytes: no row may be longer. Files are read in smaller blocks, by many threads, where their rows allow it."""

_UNIT_SEPARATOR = "\x1f"
"""The letter that takes the place of a delimiter of several letters, which Arrow cannot read."""


BYTE_ORDER_MARK = "\ufeff"
"""The letter that some programs write before the first one of a text."""


def not_text(path: Path, at: int, encoding: str) -> DataError:
    hint = "say which it is, such as --encoding latin-1, gbk or utf-16"
    return DataError(f"{file_name(path)}, byte {at}: not {encoding} text; {hint}")


def first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


class Delimited:
    """One delimited text file, every column read as text."""

    def __init__(self, path: Path, source: Source, column_names: tuple[str, ...] | None) -> None:
        self.path, self.name, self.source, self.column_names = path, file_name(path), source, column_names or ()
        self.can_be_named = column_names is not None and source.offers("--columns")
        self.bad: list[tuple[int, str]] = []  # (record number from 1, what is wrong with it)
        self.left_out: set[int] = set()  # numbers of records that are no rows: bad ones, and lines of blanks
        self.notes: list[str] = []
        self.encoding = codec_of(source.encoding)
        self.layout = layout_of(self._first_lines(), self.column_names, tabs=ending(path) == ".tsv")
        if not self.layout.first:
            raise DataError(f"{file_name(path)} is empty")
        self.is_headed = not self.column_names or self.layout.has_header(self.column_names)

    def read(self) -> tuple[pa.Table, Callable[[int], str], tuple[str, ...], int]:
        """The fields of `RawTable` beside its name."""
        self._check_header()
        self._check_quotes()
        try:
            table = self._parse(threads=True)
        except pa.ArrowInvalid:
            table = self._parse_again()
        table = self._without_headers(self._without_tail(self._below_header(table)))
        if self.bad:
            record, what = self.bad[0]
            first = f"line {self._line(record)}: {what}"
            if self.source.on_bad_rows == "error":
                skip = " or pass --on-bad-rows skip" if self.source.offers("--on-bad-rows") else ""
                raise DataError(f"{self.name}, {first}; fix the line{skip}")
            self.notes.append(f"skipped: {counted(len(self.bad), 'malformed row')}, the first at {first}")
        if table.num_rows == 0 and not self.bad:
            raise DataError(f"{self.name} has a header and no rows")
        return self._named(table), self._where, tuple(self.notes), len(self.bad)

    def _check_header(self) -> None:
        layout, name = self.layout, self.name
        line = self._line(1)
        if layout.comments:
            self.notes.append(f"left out: {counted(layout.comments, 'line')} of comments above {name}'s line {line}")
        shown = ", ".join(layout.first[:6])[:80]
        if self.column_names and self.is_headed:
            self.notes.append(f"{name}, line {line}: a header ({shown}), which is no row; --columns goes before it")
        elif self.column_names and layout.is_headed():
            remedy = "leave out --columns" if self.can_be_named else "name its columns as in the run's data"
            raise DataError(f"{name}, line {line} looks like a header ({shown}); delete it, or {remedy}")
        elif not self.column_names and layout.begins_with_data:
            remedy = "name the columns, such as --columns user,item,rating,timestamp"
            remedy = remedy if self.can_be_named else "write a line with the names of the columns above it"
            raise DataError(f"{name}: line {line} looks like data, not a header ({shown}); {remedy}")

    def _check_quotes(self) -> None:
        """Read the whole text strictly, unless a quick look at its bytes shows that Arrow takes the quotes alike."""
        if not self.layout.is_quoted:
            return
        if self.encoding in UTF_8:
            with opened(self.path) as stream:
                if quotes_in(stream, self.layout.delimiter) != Quotes.OTHER:
                    return
        self._check_text()
        with self._lines() as lines:
            below = islice(lines, self.layout.comments, None)
            first = self.layout.comments + 1
            check_quotes(self.name, below, self.layout.delimiter, headed=self.is_headed, first=first)

    def _parse_again(self) -> pa.Table:
        """Parse on one thread, which numbers malformed rows, in blocks that hold very long ones."""

        def remember(row: Any) -> str:
            number = row.number - self.layout.comments
            self.left_out.add(number)
            if row.text.strip(" \t" + _UNIT_SEPARATOR):
                what = "where the header has" if self.is_headed else "where there are columns:"
                self.bad.append((number, f"{counted(row.actual_columns, 'value')} {what} {row.expected_columns}"))
            return "skip"

        self._check_text()
        try:
            return self._parse(threads=False, handler=remember)
        except pa.ArrowInvalid as error:
            raise DataError(f"{self.name} cannot be read as delimited text: {first_line(error)}") from error

    def _parse(self, *, threads: bool, handler: Callable[[Any], str] | None = None) -> pa.Table:
        import pyarrow.csv as pc

        quoted = self.layout.is_quoted
        # Under names of our own, as a column that Arrow calls otherwise than the header was read would not be text.
        names = [str(place) for place in range(len(self.column_names or self.layout.first))]
        try:
            return pc.read_csv(
                opened(self.path) if quoted else self._rewritten(),
                read_options=pc.ReadOptions(
                    use_threads=threads,
                    block_size=None if threads else LARGE_BLOCK,
                    encoding=self.encoding if quoted else "utf-8",
                    skip_rows=self.layout.comments,
                    column_names=names,
                ),
                parse_options=pc.ParseOptions(
                    delimiter=self.layout.delimiter if quoted else _UNIT_SEPARATOR,
                    quote_char='"' if quoted else False,
                    newlines_in_values=quoted,
                    invalid_row_handler=handler,
                ),
                convert_options=pc.ConvertOptions(
                    column_types={name: pa.string() for name in names}, strings_can_be_null=False
                ),
            )
        except UnicodeError as error:
            raise pa.ArrowInvalid(str(error)) from error

    def _rewritten(self) -> pa.BufferReader:
        """The text with a delimiter of one letter, which is all that Arrow can read."""
        written = pa.BufferOutputStream()
        with self._lines() as lines:
            for line in lines:
                end = line[len(line.rstrip("\r\n")) :]
                written.write((_UNIT_SEPARATOR.join(split_line(line, self.layout.delimiter)) + end).encode())
        return pa.BufferReader(written.getvalue())

    def _below_header(self, table: pa.Table) -> pa.Table:
        """The rows below the header, above which lines of blanks may stand."""
        if not self.is_headed:
            return table
        above = 0
        for row in zip(*(table.slice(0, SAMPLED).columns), strict=True):
            values = [value.as_py() for value in row]
            if values == self.layout.first or any(map(str.strip, values)):
                break
            above += 1
        self.left_out.update(range(1, above + 1))
        return table.slice(above + 1)

    def _without_tail(self, table: pa.Table) -> pa.Table:
        """Leave out the rows without any value at the end, which spreadsheets write."""
        filled = np.zeros(table.num_rows, dtype=bool)
        for column in table.columns:
            if (filled.size and filled[-1]) or table.num_columns < 2:
                return table
            filled |= pa.compute.not_equal(column, "").to_numpy()
        kept = int(np.flatnonzero(filled)[-1]) + 1 if filled.any() else 0
        if kept < len(filled):
            count = counted(len(filled) - kept, "row")
            self.notes.append(f"left out: {count} without any value at the end of {self.name}")
        return table.slice(0, kept)

    def _without_headers(self, table: pa.Table) -> pa.Table:
        """Rows that repeat the header, as in files that were put together from several, are bad."""
        if not self.is_headed or not table.num_rows:
            return table
        again = np.ones(table.num_rows, dtype=bool)
        for name, column in zip(self.layout.first, table.columns, strict=True):
            again &= pa.compute.equal(column, name).to_numpy()
            if not again.any():
                return table
        found = self._numbers(np.flatnonzero(again).tolist())
        self.bad = sorted([*self.bad, *((number, "the header once more") for number in found)])
        self.left_out.update(found)
        return table.filter(pa.array(~again))

    def _named(self, table: pa.Table) -> pa.Table:
        """The table under its names or those given, without columns that have neither a name nor a value."""
        names = list(self.column_names or self.layout.first)
        table = table.rename_columns(names)
        nameless = [place for place, name in enumerate(names) if not name.strip()]
        empty = [
            place for place in nameless if not pa.compute.any(pa.compute.not_equal(table.column(place), "")).as_py()
        ]
        full = [place + 1 for place in nameless if place not in empty]
        if len(full) > 1:
            raise DataError(f"{self.name}: columns {full[0]} and {full[1]} hold values and have no name; name them")
        if empty and len(empty) < len(names):
            table = table.select([place for place in range(len(names)) if place not in set(empty)])
            which = f"column {empty[0] + 1}" if len(empty) == 1 else f"{len(empty)} columns"
            self.notes.append(f"left out: {which} of {self.name} with neither a name nor a value")
        names = table.column_names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{self.name}: column {twice!r} stands twice in the header; rename one")
        return table

    @contextmanager
    def _lines(self) -> Iterator[Iterator[str]]:
        """The lines of the text with what ends them, without a byte order mark."""
        with io.TextIOWrapper(opened(self.path), encoding=self.encoding, newline="") as text:
            first = next(text, "").removeprefix(BYTE_ORDER_MARK)
            yield chain([first] if first else [], text)

    def _first_lines(self) -> list[str]:
        first: list[str] = []
        try:
            with self._lines() as lines:
                size = 0
                for line in lines:
                    first.append(line)
                    size += len(line)
                    if len(first) == SAMPLED or size > MOST_OF_LINES:
                        break
        except UnicodeError:
            self._check_text()
        return first

    def _check_text(self) -> None:
        """Raise with the first byte that is not text in the encoding, if there is one."""
        decoder = codecs.getincrementaldecoder(self.source.encoding)()
        offset = 0
        with opened(self.path) as stream:
            while True:
                block = stream.read(1 << 20)
                pending = len(decoder.getstate()[0])
                try:
                    decoder.decode(block, final=not block)
                except UnicodeError as error:
                    at = max(0, offset - pending) + getattr(error, "start", 0)
                    raise not_text(self.path, at, self.source.encoding) from error
                offset += len(block)
                if not block:
                    return

    def _lines_of_records(self) -> Iterator[int]:
        """The line on which each record starts."""
        comments = self.layout.comments
        with self._lines() as lines:
            below = islice(lines, comments, None)
            if self.layout.is_quoted:
                found = Records(below, self.layout.delimiter, first=comments + 1)
                yield from (found.line for _ in found)
            else:
                numbered = enumerate(below, comments + 1)
                yield from (number for number, line in numbered if any(split_line(line, self.layout.delimiter)))

    def _line(self, record: int) -> int:
        """The line on which a record, numbered from 1, starts."""
        return next(islice(self._lines_of_records(), record - 1, None))

    def _numbers(self, rows: list[int]) -> list[int]:
        """The numbers of the records that these rows are, which ascend."""
        left_out, numbers, passed = sorted(self.left_out), [], 0
        for row in rows:
            number = row + 1 + self.is_headed + passed
            while passed < len(left_out) and left_out[passed] <= number:
                number, passed = number + 1, passed + 1
            numbers.append(number)
        return numbers

    def _where(self, row: int) -> str:
        return f"line {self._line(self._numbers([row])[0])}"
