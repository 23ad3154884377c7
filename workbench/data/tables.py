"""Files and Arrow-compatible tables -> one Arrow table whose rows can be named in an error."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.contract.task import Source
from workbench.data.delimited import LARGE_BLOCK, Delimited, first_line, no_encoding, not_text, without_mark
from workbench.errors import DataError

DELIMITED = (".csv", ".tsv", ".txt", ".data", ".dat", ".inter")


@dataclass(frozen=True)
class RawTable:
    """Columns as they came: text from delimited files, typed from the other formats.

    Args:
        name: of the file, for messages.
        columns: the table.
        where: row number from 0 -> where it stands, such as `"line 18"`.
        notes: what was skipped.
        skipped: how many rows were left out for their structure.
        source: what was read, so that messages name options that the user has.
        keys: what an answer to each row is known by: int64[n], its number from 1, or string[n], such as a path; None
            where rows are numbered as they stand.
    """

    name: str
    columns: pa.Table
    where: Callable[[int], str]
    notes: tuple[str, ...] = ()
    skipped: int = 0
    source: Source = field(default=Source(None), compare=False, repr=False)
    keys: pa.Array | None = None

    @property
    def row_keys(self) -> pa.Array:
        """`keys`, or the numbers of the rows from 1."""
        return pa.array(np.arange(1, self.columns.num_rows + 1)) if self.keys is None else self.keys


def read_table(data: Any, source: Source, column_names: tuple[str, ...] | None = None) -> RawTable:
    """Read CSV, TSV, Parquet, JSONL or any table that speaks the Arrow C stream.

    Args:
        data: a path or a table: `source.data` or `source.test_data`.
        source: says the text encoding and what to do with bad rows.
        column_names: the header of a delimited file that has none; None where the user cannot give one.

    Raises:
        DataError: the file cannot be found or read, or a row is malformed.
    """
    return replace(_read(data, source, column_names), source=source)


def _read(data: Any, source: Source, column_names: tuple[str, ...] | None) -> RawTable:
    if not isinstance(data, str | Path):
        return _from_arrow(data)
    pa.enable_signal_handlers(False)  # Ctrl-C while a file is read is the run's business
    path = Path(data)
    if not path.exists():
        raise DataError(f"{path}: no such file; check {source.flag_of(data)}")
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
            return RawTable(path.name, *Delimited(path, source, column_names).read())
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {first_line(error)}") from error
    raise DataError(f"{path.name}: files ending in {suffix} are not read; give CSV, TSV, Parquet or JSONL")


def read_lines(path: Path, encoding: str) -> list[str]:
    """The lines of a text file, without what ends them.

    Raises:
        DataError: the file cannot be read, or is no text in this encoding.
    """
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            text = stream.read().decode(without_mark(encoding))
    except UnicodeError as error:
        raise not_text(path, getattr(error, "start", 0), encoding) from error
    except LookupError as error:
        raise no_encoding(encoding) from error
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {first_line(error)}") from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]


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
        if not hasattr(data, "__arrow_c_stream__"):
            reason = "give a path or an Arrow-compatible table (pandas, polars, pyarrow)"
            raise DataError(f"data is a {kind}; {reason}") from error
        names = [str(name) for name in getattr(data, "columns", ())]
        twice = next((name for name in names if names.count(name) > 1), None)
        reason = first_line(error) if twice is None else f"column {twice!r} stands twice; rename one"
        raise DataError(f"the {kind} cannot be read as an Arrow table: {reason}") from error
    return RawTable("table", table, _row)


def _from_parquet(path: Path) -> RawTable:
    import pyarrow.parquet as pq

    try:
        return RawTable(path.name, pq.read_table(path), _row)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path.name} cannot be read as Parquet: {first_line(error)}") from error


def _from_json_lines(path: Path) -> RawTable:
    import pyarrow.json as pj

    try:
        table = _parse_json(path)
        dates = [field.with_type(pa.string()) for field in table.schema if pa.types.is_timestamp(field.type)]
        if dates:  # texts that look like times; as ids they must stay as they are
            table = _parse_json(path, parse_options=pj.ParseOptions(explicit_schema=pa.schema(dates)))
    except pa.ArrowException as error:
        raise DataError(_json_fault(path) or f"{path.name}: {first_line(error)}") from error
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
