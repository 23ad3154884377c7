"""Where texts come from -> a table with a row each: tables, a file or folder for each class, lines after a label."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from workbench import DataError, Source
from workbench.data.tables import RawTable, read_lines, read_table

LABEL, TEXT = "label", "text"
"""The columns of what is no table."""

ABOUT = ("readme", "license", "licence", "copying")
"""Files of a folder that are about its texts: those whose names begin so."""

TABLES = (".csv", ".parquet", ".pq", ".jsonl", ".ndjson")


def read_texts(data: Any, source: Source, headers: Sequence[str]) -> RawTable:
    """Read any table; a folder with a file for each class, or a folder for each; or lines `label<TAB>text`.

    Lines are told from a table of two columns by their labels: no header's name comes back in its column.

    Args:
        data: a path or an Arrow-compatible table.
        source: says the text encoding and what to do with bad rows.
        headers: names, in lower case, that a column of a table may have.

    Raises:
        DataError: the data cannot be found or read.
    """
    if not isinstance(data, str | Path) or not Path(data).exists():
        return read_table(data, source)
    path = Path(data)
    if path.is_dir():
        return _read_folder(path, source)
    if not _is_table(path):
        lines = read_lines(path, source.encoding)
        if _are_labelled(lines, headers):
            return _read_labelled_lines(path, lines, source)
    return read_table(data, source)


def read_unlabelled(data: Any, source: Source, column: str) -> RawTable:
    """Read texts to be answered: as `read_texts`, or a file with a text on each line.

    Args:
        data: a path or an Arrow-compatible table.
        source: says the text encoding.
        column: the one with the texts; a file whose first line names it is a table.

    Raises:
        DataError: the data cannot be found or read.
    """
    path = Path(data) if isinstance(data, str | Path) else None
    if path is not None and path.is_file() and not _is_table(path):
        lines = read_lines(path, source.encoding)
        header = re.split(r"[,;|\t]", lines[0]) if lines else []
        if column not in [name.strip().strip('"') for name in header] and not _are_labelled(lines, [column.lower()]):
            texts = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
            columns = pa.table({column: pa.array([line for _, line in texts], pa.string())})
            return RawTable(path.name, columns, lambda row: f"line {texts[row][0]}", _blank(len(lines) - len(texts)))
    return read_texts(data, source, [column.lower()])


def _is_table(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".bz2", ".zst")]
    return bool(suffixes) and suffixes[-1] in TABLES


def _are_labelled(lines: Sequence[str], headers: Sequence[str]) -> bool:
    """Whether lines begin with a label and a tab, the first one included."""
    label, tab, text = next((line for line in lines if line.strip()), "").partition("\t")
    if not tab or {label.strip().lower(), *text.strip().lower().split("\t")} & set(headers):
        return False
    return sum(line.startswith(label + tab) for line in lines) > 1


def _read_labelled_lines(path: Path, lines: Sequence[str], source: Source) -> RawTable:
    """Quotes and further tabs are part of the text."""
    rows = [(number, *line.partition("\t")) for number, line in enumerate(lines, 1) if line.strip()]
    bad = [number for number, _, tab, _ in rows if not tab]
    good = [(number, label, text) for number, label, tab, text in rows if tab]
    notes = _blank(len(lines) - len(rows))
    if bad:
        where = f"line {bad[0]}: no tab between a label and a text"
        if source.on_bad_rows == "error":
            raise DataError(f"{path.name}, {where}; fix the line or pass --on-bad-rows skip")
        notes = (*notes, f"skipped: {len(bad):,} rows without a label, the first at {where}")
    columns = pa.table({LABEL: [label for _, label, _ in good], TEXT: [text for *_, text in good]})
    return RawTable(path.name, columns, lambda row: f"line {good[row][0]}", notes, len(bad))


def _read_folder(path: Path, source: Source) -> RawTable:
    """A file for each class with a text on each line, or a folder for each class with a text in each file."""
    inside = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    linked = [each.name for each in inside if each.is_symlink()]
    if linked:
        raise DataError(f"{path}: {linked[0]} is a link, which is not followed; put what it names in its place")
    about = [each for each in inside if each.is_file() and each.name.lower().startswith(ABOUT)]
    files = [each for each in inside if each.is_file() and each not in about]
    folders = [each for each in inside if each.is_dir()]
    if bool(files) == bool(folders) or len(files) + len(folders) < 2:
        raise DataError(
            f"{path}: {len(files)} files and {len(folders)} folders; give a file for each class with a text on each "
            "line, or a folder for each class with a text in each file"
        )
    read: Callable[[Path], Iterator[tuple[str, str]]]
    if files:
        labels = labels_of([each.name for each in files])
        read = lambda file: _lines_of(file, source)  # noqa: E731 - the one of two ways to read a class
    else:
        labels = [each.name for each in folders]
        read = lambda folder: _files_of(folder, source)  # noqa: E731
    rows = [(label, *row) for label, each in zip(labels, files or folders, strict=True) for row in read(each)]
    good = [row for row in rows if row[2].strip()]
    columns = pa.table({LABEL: [label for label, *_ in good], TEXT: [text for *_, text in good]})
    notes = _blank(len(rows) - len(good))
    if about:
        notes = (*notes, f"left out: {', '.join(each.name for each in about)}")
    return RawTable(path.name, columns, lambda row: good[row][1], notes)


def labels_of(names: Sequence[str]) -> list[str]:
    """What tells names of files apart: `rt.neg` and `rt.pos` are `neg` and `pos`, `neg.txt` and `pos.txt` too."""
    parts = [re.split(r"([\W_]+)", name) for name in names]
    while min(map(len, parts)) > 1 and len({part[0] for part in parts}) == 1:
        parts = [part[2:] for part in parts]
    while min(map(len, parts)) > 1 and len({part[-1] for part in parts}) == 1:
        parts = [part[:-2] for part in parts]
    return ["".join(part) for part in parts]


def _lines_of(path: Path, source: Source) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(read_lines(path, source.encoding), 1):
        yield f"{path.name}, line {number}", line


def _files_of(folder: Path, source: Source) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            yield f"{folder.name}/{path.name}", "\n".join(read_lines(path, source.encoding))


def _blank(count: int) -> tuple[str, ...]:
    return (f"left out: {count:,} blank lines",) if count else ()
