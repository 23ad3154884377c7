"""Files and Arrow-compatible tables -> one Arrow table whose rows can be named in an error."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from workbench.contract.task import Source
from workbench.errors import DataError

DELIMITED = (".csv", ".tsv", ".txt", ".data", ".dat", ".inter")
DELIMITERS = ",\t;|"

LARGE_BLOCK = 2**28
"""Bytes: no row may be longer. Files are read in smaller blocks, by many threads, where their rows allow it."""


@dataclass(frozen=True)
class RawTable:
    """Columns as they came: text from delimited files, typed from the other formats.

    Args:
        name: of the file, for messages.
        columns: the table.
        where: row number from 0 -> where it stands, such as `"line 18"`.
        notes: what was skipped.
        skipped: how many rows were left out for their structure.
    """

    name: str
    columns: pa.Table
    where: Callable[[int], str]
    notes: tuple[str, ...] = ()
    skipped: int = 0


def read_table(data: Any, source: Source, column_names: tuple[str, ...] = ()) -> RawTable:
    """Read CSV, TSV, Parquet, JSONL or any table that speaks the Arrow C stream.

    Args:
        data: a path or a table: `source.data` or `source.test_data`.
        source: says the text encoding and what to do with bad rows.
        column_names: the header of a delimited file that has none.

    Raises:
        DataError: the file cannot be found or read, or a row is malformed.
    """
    if not isinstance(data, str | Path):
        return _from_arrow(data)
    pa.enable_signal_handlers(False)  # Ctrl-C while a file is read is the run's business
    path = Path(data)
    if not path.exists():
        raise DataError(f"{path}: no such file; check --data")
    if path.is_dir():
        raise DataError(f"{path} is a folder; this task reads one file: CSV, TSV, Parquet or JSONL")
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty")
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".bz2", ".zst")]
    suffix = suffixes[-1] if suffixes else ""
    try:
        if suffix in (".parquet", ".pq"):
            return _from_parquet(path)
        if suffix in (".jsonl", ".ndjson"):
            return _from_json_lines(path)
        if suffix in DELIMITED or not suffix:
            return _Delimited(path, source, column_names).read()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {_first_line(error)}") from error
    raise DataError(f"{path.name}: files ending in {suffix} are not read; give CSV, TSV, Parquet or JSONL")


def read_lines(path: Path, encoding: str) -> list[str]:
    """The lines of a text file, without what ends them.

    Raises:
        DataError: the file cannot be read, or is no text in this encoding.
    """
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            text = stream.read().decode(_without_mark(encoding))
    except UnicodeError as error:
        raise _not_text(path, getattr(error, "start", 0), encoding) from error
    except LookupError as error:
        raise _no_encoding(encoding) from error
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {_first_line(error)}") from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]


def _without_mark(encoding: str) -> str:
    """The encoding that leaves out a byte order mark."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def _not_text(path: Path, at: int, encoding: str) -> DataError:
    hint = "say which it is, such as --encoding latin-1, gbk or utf-16"
    return DataError(f"{path.name}, byte {at}: not {encoding} text; {hint}")


def _no_encoding(encoding: str) -> DataError:
    return DataError(f"--encoding {encoding}: no such text encoding")


def _row(number: int) -> str:
    return f"row {number + 1}"


def _from_arrow(data: Any) -> RawTable:
    try:
        table = data if isinstance(data, pa.Table) else pa.table(data)
    except pa.ArrowException as error:
        reason = "; ".join(map(str, error.args))
        raise DataError(f"the {type(data).__name__} cannot be read as an Arrow table: {reason}") from error
    except (TypeError, ValueError) as error:
        kind = type(data).__name__
        raise DataError(
            f"data is a {kind}; give a path or an Arrow-compatible table (pandas, polars, pyarrow)"
        ) from error
    return RawTable("table", table, _row)


def _from_parquet(path: Path) -> RawTable:
    import pyarrow.parquet as pq

    try:
        return RawTable(path.name, pq.read_table(path), _row)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path.name} cannot be read as Parquet: {_first_line(error)}") from error


def _from_json_lines(path: Path) -> RawTable:
    import pyarrow.json as pj

    try:
        table = _parse_json(path)
        dates = [field.with_type(pa.string()) for field in table.schema if pa.types.is_timestamp(field.type)]
        if dates:  # texts that look like times; as ids they must stay as they are
            table = _parse_json(path, parse_options=pj.ParseOptions(explicit_schema=pa.schema(dates)))
    except pa.ArrowException as error:
        raise DataError(_json_fault(path) or f"{path.name}: {_first_line(error)}") from error
    if not table.num_columns:
        raise DataError(f"{path.name} has no rows")

    def where(number: int) -> str:
        return next(f"line {line}" for nth, (line, _) in enumerate(_json_lines(path)) if nth == number)

    return RawTable(path.name, table, where)


def _parse_json(path: Path, **options: Any) -> pa.Table:
    import pyarrow.json as pj

    try:
        return pj.read_json(path, **options)
    except pa.ArrowInvalid as error:
        if "block" not in str(error):
            raise
        return pj.read_json(path, read_options=pj.ReadOptions(block_size=LARGE_BLOCK), **options)


def _json_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(its number, the line) of every line that is not blank."""
    with io.BufferedReader(pa.input_stream(str(path), compression="detect")) as lines:
        yield from ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def _json_fault(path: Path) -> str:
    """The first line that does not go with those before it, or an empty string."""
    kinds: dict[str, tuple[str, int]] = {}
    for number, line in _json_lines(path):
        try:
            row = json.loads(line)
        except ValueError as error:
            return f"{path.name}, line {number}: not JSON in UTF-8 ({getattr(error, 'msg', error)})"
        if not isinstance(row, dict):
            return f"{path.name}, line {number}: not a JSON object; JSON lines need one in each line"
        for column, value in row.items():
            if value is None:
                continue
            kind = {str: "text", bool: "a truth value", int: "a number", float: "a number"}.get(type(value), "nested")
            first, line_of_first = kinds.setdefault(column, (kind, number))
            if kind != first:
                return f"{path.name}, line {number}, column {column}: {kind} where line {line_of_first} has {first}"
    return ""


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


class _Delimited:
    """One delimited text file, every column read as text."""

    def __init__(self, path: Path, source: Source, column_names: tuple[str, ...]) -> None:
        self.path, self.source, self.column_names = path, source, column_names
        self.bad: list[tuple[int, int, int]] = []  # (record number from 1, values found, values expected)
        self.delimiter = self._delimiter(self._first_line())
        self.found = next(self._records())[1]

    def read(self) -> RawTable:
        if not self.column_names and self.found and all(_is_number(value) for value in self.found):
            raise DataError(
                f"{self.path.name}: line 1 looks like data, not a header; name the columns, "
                "such as --columns user,item,rating,timestamp"
            )
        try:
            table = self._parse(threads=True)
        except pa.ArrowInvalid:
            table = self._parse_again()
        self._check_last_quote(table)
        if not self.bad:
            if table.num_rows == 0:
                raise DataError(f"{self.path.name} has a header and no rows")
            return RawTable(self.path.name, table, self._where)
        record, found, expected = self.bad[0]
        first = f"line {self._line(record)}: {found} value{'s' * (found != 1)} where the header has {expected}"
        if self.source.on_bad_rows == "error":
            raise DataError(f"{self.path.name}, {first}; fix the line or pass --on-bad-rows skip")
        note = f"skipped: {len(self.bad):,} malformed row{'s' * (len(self.bad) != 1)}, the first at {first}"
        return RawTable(self.path.name, table, self._where, (note,), len(self.bad))

    def _parse_again(self) -> pa.Table:
        """Slower, on one thread, so that malformed rows come with their numbers, and with room for very long ones."""

        def remember(row: Any) -> str:
            self.bad.append((row.number, row.actual_columns, row.expected_columns))
            return "skip"

        self._check_text()
        try:
            return self._parse(threads=False, handler=remember)
        except pa.ArrowInvalid as error:
            raise DataError(f"{self.path.name} cannot be read as delimited text: {_first_line(error)}") from error

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
        return io.TextIOWrapper(stream, encoding=_without_mark(self.source.encoding), newline="")

    def _first_line(self) -> str:
        try:
            with self._open_text() as text:
                for line in text:
                    if line.strip():
                        return str(line.rstrip("\r\n"))
        except UnicodeError:
            self._check_text()
        except LookupError as error:
            raise _no_encoding(self.source.encoding) from error
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
                    raise _not_text(self.path, at, self.source.encoding) from error
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
