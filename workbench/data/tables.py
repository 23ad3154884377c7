"""Files and Arrow-compatible tables -> one Arrow table whose rows can be named in an error."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.contract.task import Source, file_name
from workbench.data.delimited import BYTE_ORDER_MARK, Delimited, first_line, not_text
from workbench.data.files import codec_of, ending, head_of, opened, reading, refuse_others
from workbench.data.json_lines import read_json_array, read_json_lines
from workbench.errors import DataError

DELIMITED, PARQUET, JSON, JSON_LINES, JSON_ARRAY = "delimited", "parquet", "json", "json lines", "json array"

ENDINGS = {
    ".csv": DELIMITED,
    ".tsv": DELIMITED,
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".json": JSON,
}
"""What a file is by its name; all others are known by what they hold."""


def is_typed(path: Path) -> bool:
    """Whether the ending of a file says that it is of a format whose columns have names and types."""
    return ENDINGS.get(ending(path), DELIMITED) != DELIMITED


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
    if not path.is_file():
        raise DataError(f"{file_name(path)} is a {'pipe' if path.is_fifo() else 'device'}; give a file")
    if path.stat().st_size == 0:
        raise DataError(f"{file_name(path)} is empty")
    with reading(path):
        kind = _kind(path, source)
        if kind == PARQUET:
            return _from_parquet(path)
        if kind == JSON_LINES:
            return RawTable(file_name(path), *read_json_lines(path))
        if kind == JSON_ARRAY:
            return RawTable(file_name(path), *read_json_array(path))
        return RawTable(file_name(path), *Delimited(path, source, column_names).read())


def _kind(path: Path, source: Source) -> str:
    """Of a table, by the ending of its file where that is known, else by what the file holds."""
    known = ENDINGS.get(ending(path))
    if known is not None and known != JSON:
        if known == DELIMITED:
            refuse_others(path, source)
        return known
    head = head_of(path).removeprefix(codecs.BOM_UTF8).lstrip()
    if head.startswith(b"PAR1"):
        return PARQUET
    refuse_others(path, source)
    if head.startswith(b"{"):
        return JSON_LINES
    if re.match(rb"\[\s*\{", head):
        return JSON_ARRAY
    if known == JSON:
        raise DataError(f"{file_name(path)} is no array of objects; give JSONL: an object on each line")
    return DELIMITED


def read_lines(path: Path, encoding: str) -> list[str]:
    """The lines of a text file, without what ends them.

    Raises:
        DataError: the file cannot be read, or is no text in this encoding.
    """
    try:
        with reading(path), opened(path) as stream:
            text = stream.read().decode(codec_of(encoding)).removeprefix(BYTE_ORDER_MARK)
    except UnicodeError as error:
        raise not_text(path, getattr(error, "start", 0), encoding) from error
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
        with pa.OSFile(os.fsencode(path)) as file:
            return RawTable(file_name(path), pq.read_table(file), _row)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file_name(path)} cannot be read as Parquet: {first_line(error)}") from error
