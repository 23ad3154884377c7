"""Delimited text files: found out, parsed as text, and faults named by line or byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from workbench.contract.task import Source
from workbench.errors import DataError

DELIMITERS = ",\t;|"

LARGE_BLOCK = 2**28
"""Bytes: no row may be longer. Files are read in smaller blocks, by many threads, where their rows allow it."""


def without_mark(encoding: str) -> str:
    """The encoding that leaves out a byte order mark."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def not_text(path: Path, at: int, encoding: str) -> DataError:
    hint = "say which it is, such as --encoding latin-1, gbk or utf-16"
    return DataError(f"{path.name}, byte {at}: not {encoding} text; {hint}")


def no_encoding(encoding: str) -> DataError:
    return DataError(f"--encoding {encoding}: no such text encoding")


def first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


class Delimited:
    """One delimited text file, every column read as text."""

    def __init__(self, path: Path, source: Source, column_names: tuple[str, ...] | None) -> None:
        self.path, self.source, self.column_names = path, source, column_names or ()
        self.can_be_named = column_names is not None and source.offers("--columns")
        self.bad: list[tuple[int, int, int]] = []  # (record number from 1, values found, values expected)
        self.delimiter = self._delimiter(self._first_line())
        self.found = next(self._records())[1]

    def read(self) -> tuple[pa.Table, Callable[[int], str], tuple[str, ...], int]:
        """The fields of `RawTable` beside its name."""
        if not self.column_names and self.found and all(_is_number(value) for value in self.found):
            remedy = "name the columns, such as --columns user,item,rating,timestamp"
            remedy = remedy if self.can_be_named else "write a line with the names of the columns above it"
            raise DataError(f"{self.path.name}: line 1 looks like data, not a header; {remedy}")
        try:
            table = self._parse(threads=True)
        except pa.ArrowInvalid:
            table = self._parse_again()
        self._check_last_quote(table)
        if not self.bad:
            if table.num_rows == 0:
                raise DataError(f"{self.path.name} has a header and no rows")
            return table, self._where, (), 0
        record, found, expected = self.bad[0]
        first = f"line {self._line(record)}: {found} value{'s' * (found != 1)} where the header has {expected}"
        if self.source.on_bad_rows == "error":
            skip = " or pass --on-bad-rows skip" if self.source.offers("--on-bad-rows") else ""
            raise DataError(f"{self.path.name}, {first}; fix the line{skip}")
        note = f"skipped: {len(self.bad):,} malformed row{'s' * (len(self.bad) != 1)}, the first at {first}"
        return table, self._where, (note,), len(self.bad)

    def _parse_again(self) -> pa.Table:
        """Slower, on one thread, so that malformed rows come with their numbers, and with room for very long ones."""

        def remember(row: Any) -> str:
            self.bad.append((row.number, row.actual_columns, row.expected_columns))
            return "skip"

        self._check_text()
        try:
            return self._parse(threads=False, handler=remember)
        except pa.ArrowInvalid as error:
            raise DataError(f"{self.path.name} cannot be read as delimited text: {first_line(error)}") from error

    def _parse(self, *, threads: bool, handler: Callable[[Any], str] | None = None) -> pa.Table:
        import pyarrow.csv as pc

        names = list(self.column_names or self.found)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{self.path.name}: column {twice!r} stands twice in the header; rename one")
        try:
            return pc.read_csv(
                self.path,
                read_options=pc.ReadOptions(
                    use_threads=threads,
                    block_size=None if threads else LARGE_BLOCK,
                    encoding=self.source.encoding,
                    column_names=list(self.column_names) or None,
                ),
                parse_options=pc.ParseOptions(
                    delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=handler
                ),
                convert_options=pc.ConvertOptions(
                    column_types={name: pa.string() for name in names}, strings_can_be_null=False
                ),
            )
        except UnicodeError as error:
            raise pa.ArrowInvalid(str(error)) from error

    def _open_text(self) -> Any:
        stream = pa.input_stream(str(self.path), compression="detect")
        return io.TextIOWrapper(stream, encoding=without_mark(self.source.encoding), newline="")

    def _first_line(self) -> str:
        try:
            with self._open_text() as text:
                for line in text:
                    if line.strip():
                        return str(line.rstrip("\r\n"))
        except UnicodeError:
            self._check_text()
        except LookupError as error:
            raise no_encoding(self.source.encoding) from error
        raise DataError(f"{self.path.name} is empty")

    def _delimiter(self, header: str) -> str:
        counts = {delimiter: header.count(delimiter) for delimiter in DELIMITERS}
        best = max(counts, key=lambda delimiter: counts[delimiter])
        return best if counts[best] else ","

    def _check_text(self) -> None:
        """Raise with the first byte that is not text in the encoding, if there is one."""
        import codecs

        decoder = codecs.getincrementaldecoder(self.source.encoding)()
        offset = 0
        with pa.input_stream(str(self.path), compression="detect") as stream:
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

    def _records(self, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
        """(the line on which it starts, its values) of every record; blank lines are none."""
        limit = csv.field_size_limit(2**31 - 1)
        try:
            with self._open_text() as text:
                reader = csv.reader(text, delimiter=self.delimiter, strict=strict)
                start = 1
                for row in reader:
                    if row:
                        yield start, row
                    start = reader.line_num + 1
        finally:
            csv.field_size_limit(limit)

    def _line(self, record: int) -> int:
        """The line on which a record, numbered from 1, starts."""
        return next(line for number, (line, _) in enumerate(self._records(), 1) if number == record)

    def _check_last_quote(self, table: pa.Table) -> None:
        """A quote that is never closed swallows the rest of the file into the last value."""
        last = table.column(table.num_columns - 1)[-1].as_py() if table.num_rows else ""
        if "\n" not in last and "\r" not in last:
            return
        try:
            for _ in self._records(strict=True):
                pass
        except csv.Error as error:
            if "unexpected end" in str(error):
                line = max(line for line, _ in self._records())
                raise DataError(
                    f"{self.path.name}, line {line}: a quote opens in the last column and is never closed; "
                    "close it, or double it where it belongs to the text"
                ) from error

    def _where(self, number: int) -> str:
        record = number + 1 + (not self.column_names)
        for bad, _, _ in self.bad:
            record += bad <= record
        return f"line {self._line(record)}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
