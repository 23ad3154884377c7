"""Where texts come from -> a table with a row each: tables, folders, lines with a label."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workbench import DataError, Source
from workbench.data.tables import RawTable, read_lines, read_table
from workbench_text.folders import Folder, read_folder

TYPED = (".parquet", ".pq", ".jsonl", ".ndjson")
TABLES = (".csv", *TYPED)

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
        headers: names that a column of a table may have, as `plain` gives them.
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
    if not _ends_in(path, TABLES) and not column_names:
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
    if path is None or not path.is_file() or _ends_in(path, TABLES):
        return read_table(data, source)
    lines = _lines(path, source)
    if plain(column) in map(plain, _fields(lines)):
        return read_table(data, source)
    notes: tuple[str, ...] = ()
    found = _labelling(lines, {plain(column)})
    if found is not None:
        labelling, form = found
        pairs = [labelling(line) for line in lines]
        lines = [line if pair is None else pair[1] for line, pair in zip(lines, pairs, strict=True)]
        notes = (f"lines are read as {form}; their texts are answered",)
    return RawTable(path.name, pa.table({column: pa.array(lines, pa.string())}), lambda row: f"line {row + 1}", notes)


def plain(name: str) -> str:
    """The name of a column in lower case without separators, and without a type behind a colon."""
    return "".join(letter for letter in name.partition(":")[0].lower() if letter.isalnum())


def _ends_in(path: Path, endings: Sequence[str]) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".bz2", ".zst")]
    return bool(suffixes) and suffixes[-1] in endings


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
        if column_names or _ends_in(path, TYPED):
            raise
        names, fault = _fields(read_lines(path, source.encoding)), error
    if column_names or _ends_in(path, TYPED) or {plain(name) for name in names} & set(headers) or names == [""]:
        if fault is not None:
            raise fault
        return table
    raise DataError(
        f"{path.name}, line 1: {', '.join(names)[:60]!r} names no known column of labels or texts. If it is a header, "
        "pass --target NAME and --text-column NAME; if the file has no header, pass --columns label,text in the order "
        "of its columns, or begin each line with its label and a tab"
    ) from fault


def _labelling(lines: Sequence[str], headers: Collection[str]) -> tuple[Labelling, str] | None:
    """(how a line is taken apart, what that is called); None where the first line has no label, or is a header."""
    there = [line for line in lines if line.strip()]
    first = there[0] if there else ""
    if first.startswith(MARK):
        return _after_marks, f"{MARK}LABEL TEXT (fastText)"
    if "\t" not in first or {plain(name) for name in first.split("\t")} & set(headers):
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
    notes = (f"no header: lines are read as {form}", *((f"left out: {blank:,} blank lines",) if blank else ()))
    if bad:
        where = f"line {bad[0]}: not one label and a text ({form})"
        if source.on_bad_rows == "error":
            raise DataError(f"{path.name}, {where}; fix the line or pass --on-bad-rows skip")
        notes = (*notes, f"skipped: {len(bad):,} rows without a label, the first at {where}")
    values = {names[0]: [label for _, label, _ in good], names[1]: [text for *_, text in good]}
    columns = pa.table({name: pa.array(column, pa.string()) for name, column in values.items()})
    keys = pa.array(np.array([number for number, *_ in good], np.int64))
    return RawTable(path.name, columns, lambda row: f"line {good[row][0]}", notes, len(bad), source, keys)
