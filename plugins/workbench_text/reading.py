"""Where texts come from -> a table with a row each: tables, folders, lines with a label."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench import DataError, Source
from workbench.data.files import ending
from workbench.data.names import plain_name
from workbench.data.tables import RawTable, is_typed, read_lines, read_table
from workbench.wording import counted
from workbench_text.folders import Folder, read_folder

MARK = "__label__"
"""What begins a label in fastText's format."""

Labelling = Callable[[str], tuple[str, str] | None]
"""A line -> (its label, its text); None where it has no label, or more than one."""


def read_texts(
    data: Any, source: Source, headers: Collection[str], names: tuple[str, str], column_names: tuple[str, ...] = ()
) -> Folder:
    """Read any table, a folder of classes, or lines with a label each.

    Lines are told from a table of two columns by their labels: no header's name comes back in its column.

    Args:
        data: a path or an Arrow-compatible table.
        source: says the text encoding and what to do with bad rows.
        headers: names that a column of a table may have, as `plain_name` gives them.
        names: of the columns for the labels and the texts of what is no table.
        column_names: the header of a delimited file that has none.

    Raises:
        DataError: the data cannot be found or read, or has no header.
    """
    if not isinstance(data, str | Path) or not Path(data).exists():
        return Folder(read_table(data, source))
    path = Path(data)
    if path.is_dir():
        return read_folder(path, source, names)
    if not _is_table(path) and not column_names:
        lines = _lines(path, source)
        found = _labelling(lines, headers)
        if found is not None:
            return Folder(_read_labelled_lines(path, lines, source, names, *found))
    return Folder(_read_with_header(path, source, headers, column_names))


def read_questions(data: Any, source: Source, column: str) -> RawTable:
    """Read texts to be answered: as `read_texts`, or a file with a text on each line, blank ones among them.

    Args:
        data: a path or an Arrow-compatible table.
        source: says the text encoding.
        column: the one with the texts; a file whose first line names it is a table.

    Raises:
        DataError: the data cannot be found or read.
    """
    path = Path(data) if isinstance(data, str | Path) else None
    if path is not None and path.is_dir():
        return read_folder(path, source, ("", column), answered=True).data
    if path is None or not path.is_file() or is_typed(path):
        return read_table(data, source)
    lines = _lines(path, source)
    if _is_table(path) or plain_name(column) in map(plain_name, _fields(lines)):
        return _with_blank_lines(read_table(data, source), lines)
    notes: tuple[str, ...] = ()
    found = _labelling(lines, {plain_name(column)})
    if found is not None:
        labelling, form = found
        pairs = [labelling(line) for line in lines]
        lines = [line if pair is None else pair[1] for line, pair in zip(lines, pairs, strict=True)]
        notes = (f"lines are read as {form}; their texts are answered",)
    columns = pa.table({column: pa.array(lines, pa.string())})
    return RawTable(path.name, columns, lambda row: f"line {row + 1}", notes, source=source)


def _with_blank_lines(table: RawTable, lines: Sequence[str]) -> RawTable:
    """A delimited table; of one column its blank lines are empty texts, which `read_table` passes over."""
    if table.columns.num_columns > 1 or all(line.strip() for line in lines):
        return table
    without = replace(table, notes=(*table.notes, "blank lines are left out, so rows are fewer than lines"))
    try:
        records = [bool(record) for record in csv.reader(f"{line}\n" for line in lines)]
    except csv.Error:  # a text of more letters than it takes
        return without
    is_text = np.array(records[records.index(True) + 1 :], bool)  # below the header
    if is_text.sum() != table.columns.num_rows:  # not only blank lines are no rows
        return without
    from_table = np.cumsum(is_text) - 1
    columns = table.columns.take(pa.array(from_table, mask=~is_text))
    name = columns.column_names[0]
    filled = columns.set_column(0, name, pc.fill_null(columns.column(0), ""))
    return replace(table, columns=filled, where=lambda row: table.where(int(from_table[row])))


def _is_table(path: Path) -> bool:
    """Whether the ending of a file says that it is a table; one of `.tsv` may hold lines with a label as well."""
    return ending(path) == ".csv" or is_typed(path)


def _lines(path: Path, source: Source) -> list[str]:
    """Its lines; none where it is no text, which `read_table` says better."""
    try:
        return read_lines(path, source.encoding)
    except DataError:
        read_table(path, source)
        raise


def _fields(lines: Sequence[str]) -> list[str]:
    """What the first line that is not blank would be as a header."""
    first = next((line for line in lines if line.strip()), "")
    return [name.strip().strip('"') for name in re.split(r"[,;|\t]", first)]


def _read_with_header(path: Path, source: Source, headers: Collection[str], column_names: tuple[str, ...]) -> RawTable:
    """A table; of a delimited file whose first line has none of the `headers` it is said that it has no header."""
    try:
        table = read_table(path, source, column_names)
        names, fault = table.columns.column_names, None
    except DataError as error:
        if column_names or is_typed(path):
            raise
        names, fault = _fields(read_lines(path, source.encoding)), error
    if column_names or is_typed(path) or {plain_name(name) for name in names} & set(headers) or names == [""]:
        if fault is not None:
            raise fault
        return table
    given = f"{path.name}, line 1: {', '.join(names)[:60]!r} names no known column of labels or texts"
    if not source.offers("--columns"):
        raise DataError(f"{given}; head the columns as in the run's data") from fault
    raise DataError(
        f"{given}. If it is a header, pass --target NAME and --text-column NAME; if the file has no header, pass "
        "--columns label,text in the order of its columns, or begin each line with its label and a tab"
    ) from fault


def _labelling(lines: Sequence[str], headers: Collection[str]) -> tuple[Labelling, str] | None:
    """(how a line is taken apart, what that is called); None where the first line has no label, or is a header."""
    there = [line for line in lines if line.strip()]
    first = there[0] if there else ""
    if first.startswith(MARK):
        return _after_marks, f"{MARK}LABEL TEXT (fastText)"
    if "\t" not in first or {plain_name(name) for name in first.split("\t")} & set(headers):
        return None
    forms = {"label, tab, text": _before_tab, "text, tab, label": _behind_tab}
    best: tuple[int, str] | None = None
    for form, labelling in forms.items():
        labels = [pair[0] for pair in map(labelling, there) if pair is not None]
        if labels and labels.count(labels[0]) > 1 and (best is None or len(set(labels)) < best[0]):
            best = len(set(labels)), form
    return None if best is None else (forms[best[1]], best[1])


def _before_tab(line: str) -> tuple[str, str] | None:
    label, tab, text = line.partition("\t")
    return (label, text) if tab else None


def _behind_tab(line: str) -> tuple[str, str] | None:
    text, *label = line.split("\t")
    return (label[0], text) if len(label) == 1 else None


def _after_marks(line: str) -> tuple[str, str] | None:
    label, text = [*line.split(maxsplit=1), "", ""][:2]
    one = label.startswith(MARK) and label != MARK and not text.startswith(MARK)
    return (label.removeprefix(MARK), text.strip()) if one else None


def _read_labelled_lines(
    path: Path, lines: Sequence[str], source: Source, names: tuple[str, str], labelling: Labelling, form: str
) -> RawTable:
    """Quotes and further tabs are part of the text."""
    there = [(number, labelling(line)) for number, line in enumerate(lines, 1) if line.strip()]
    bad = [number for number, pair in there if pair is None]
    good = [(number, *pair) for number, pair in there if pair is not None]
    blank = len(lines) - len(there)
    notes = (f"no header: lines are read as {form}", *((f"left out: {counted(blank, 'blank line')}",) if blank else ()))
    if bad:
        where = f"line {bad[0]}: not one label and a text ({form})"
        if source.on_bad_rows == "error":
            skip = " or pass --on-bad-rows skip" if source.offers("--on-bad-rows") else ""
            raise DataError(f"{path.name}, {where}; fix the line{skip}")
        notes = (*notes, f"skipped: {counted(len(bad), 'row')} without a label, the first at {where}")
    values = {names[0]: [label for _, label, _ in good], names[1]: [text for *_, text in good]}
    columns = pa.table({name: pa.array(column, pa.string()) for name, column in values.items()})
    keys = pa.array(np.array([number for number, *_ in good], np.int64))
    return RawTable(path.name, columns, lambda row: f"line {good[row][0]}", notes, len(bad), source, keys)
