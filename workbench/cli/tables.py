"""Answers as files: Parquet, or CSV with every value as it is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from workbench.cli.files import replacing
from workbench.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


def write_table(table: pa.Table, path: Path, told: str) -> None:
    """Write Parquet where the file is called so, else CSV.

    Ids and labels are what rows are joined by, so that no value is changed in a CSV, not even one that a spreadsheet
    takes for a formula. A list or a structure is JSON in its cell.

    Args:
        table: any.
        path: of the file; it is replaced when all is written.
        told: how the user called it, such as `--output lists.csv`.

    Raises:
        DataError: it cannot be written, or a column cannot be text.
    """
    with replacing(path, told) as file:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            pq.write_table(table, file)
        else:
            _write_csv(table, file, told)


def _write_csv(table: pa.Table, file: IO[bytes], told: str) -> None:
    import pyarrow as pa
    import pyarrow.csv as pc

    for at, name in enumerate(table.column_names):
        try:
            table = table.set_column(at, name, _plain(table.column(at)))
        except (pa.ArrowException, TypeError, ValueError) as error:
            what = f"column {name!r} holds {table.column(at).type}, which CSV cannot"
            raise DataError(f"{told}: {what}; name a .parquet file") from error
    quoting = "needed" if _needs_quotes(table) else "none"
    file.write(_header(table.column_names))
    pc.write_csv(table, file, pc.WriteOptions(include_header=False, quoting_style=quoting))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of values that Arrow can write as CSV."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_nested(kind):
        texts = [None if value is None else json.dumps(value, ensure_ascii=False) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if not (pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_null(kind)):
        return column.cast(pa.string())
    return column


def _needs_quotes(table: pa.Table) -> bool:
    """Whether some text would not survive without quotes; Arrow's writer quotes all text or none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [column for column in table.columns if pa.types.is_string(column.type)]
    return any(pc.any(pc.match_substring_regex(text, '[",\\r\\n]')).as_py() for text in texts)


def _header(names: Sequence[str]) -> bytes:
    """A line of CSV; Arrow's writer quotes every name or none."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(names)
    return line.getvalue().encode()
