"""Folders of texts: a folder for each class with a text in each file, or a file for each class with one on each line.

Either may lie in folders `train` and `test`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from workbench import DataError, Source
from workbench.data.classes import listed
from workbench.data.files import ending
from workbench.data.part_folders import fixed_test
from workbench.data.tables import ENDINGS, RawTable, read_lines
from workbench.wording import counted

ABOUT = ("readme", "license", "licence", "copying")
"""Files of a folder that are about its texts: those whose names begin so."""

UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")
"""Folders of texts without a class, beside those of classes in `train`, where `test` has no folder of that name."""


@dataclass(frozen=True)
class Folder:
    """What was read of a folder.

    Args:
        data: all texts, or those of the folder `train`.
        test: those of the folder `test`, or None where there is none.
    """

    data: RawTable
    test: RawTable | None = None


@dataclass(frozen=True)
class _Classes:
    """The files of each class in one folder.

    Args:
        root: from which the names of texts start.
        files: the label of each class -> its files.
        lines: whether a file has a text on each line.
        notes: what was left out.
    """

    root: Path
    files: Mapping[str, Sequence[Path]]
    lines: bool
    notes: list[str] = field(default_factory=list)


def read_folder(path: Path, source: Source, names: tuple[str, str], *, answered: bool = False) -> Folder:
    """Read the texts of every class.

    Args:
        path: of the folder.
        source: says the text encoding.
        names: of the columns for the labels and the texts.
        answered: whether the texts are only answered: blank ones stay, one class alone will do, and parts do not count.

    Raises:
        DataError: classes cannot be told, a link is there, or a file is no text.
    """
    root, files, folders = path, *_inside(path)
    while len(folders) == 1 and not files and _inside(folders[0])[1]:  # as archives often have it
        root, files, folders = folders[0], *_inside(folders[0])
    held, note = fixed_test(folder.name for folder in folders)
    if answered or not held:
        classes = _classes(root, files, folders, least=1 if answered else 2, answered=answered)
        return Folder(_table(path.name, [classes], source, names, (), answered))
    beside = [f"left out: {_files(files)} beside the folders of the parts"] if files else []
    parts = [_classes(root, *_inside(folder), least=1) for folder in folders]
    of_test = [part for folder, part in zip(folders, parts, strict=True) if folder.name.lower() in held]
    tested = {label for part in of_test for label in part.files}
    of_train = [_without_unlabelled(part, tested) for part in parts if part not in of_test]
    return Folder(
        _table(path.name, of_train, source, names, (note, *beside), answered),
        _table(path.name, of_test, source, names, (), answered),
    )


def labels_of(names: Sequence[str]) -> list[str]:
    """What tells names of files apart: `rt.neg` and `rt.pos` are `neg` and `pos`, `neg.txt` and `pos.txt` too."""
    parts = [re.split(r"([\W_]+)", name) for name in names]
    while min(map(len, parts)) > 1 and len({part[0] for part in parts}) == 1:
        parts = [part[2:] for part in parts]
    while min(map(len, parts)) > 1 and len({part[-1] for part in parts}) == 1:
        parts = [part[:-2] for part in parts]
    return ["".join(part) for part in parts]


def _classes(root: Path, files: list[Path], folders: list[Path], *, least: int, answered: bool = False) -> _Classes:
    """Which files are of which class: those of folders, or files by themselves where there are fewer than two folders.

    Args:
        root: from which the names of texts start.
        files: that lie there.
        folders: that lie there.
        least: how many classes are needed.
        answered: whether the texts are only answered, so that folders deep inside need not be told from classes.
    """
    about = [each for each in files if each.name.lower().startswith(ABOUT)]
    files = [each for each in files if each not in about]
    notes = [f"left out: {_files(about)}"] if about else []
    beneath = {folder: list(_beneath(folder)) for folder in folders}
    empty = [folder.name for folder, texts in beneath.items() if not texts]
    if empty:
        notes.append(f"left out: folders without texts: {listed(empty)}")
    full = [folder for folder in folders if beneath[folder]]
    if len(full) >= max(least, 2 if files else 1):
        if files:
            notes.append(f"left out: {_files(files)} beside the folders of the classes")
        notes += [] if answered else _nested(root, {folder: beneath[folder] for folder in full})
        return _Classes(root, {_label(folder.name, folder): beneath[folder] for folder in full}, False, notes)
    if len(files) < least:
        found = ", ".join(
            filter(
                None,
                [_files(files) if files else "", f"folders {listed([each.name for each in full])}" if full else ""],
            )
        )
        raise DataError(
            f"{root} holds {found or 'no texts'}; give a file for each class with a text on each line, or a folder for "
            "each class with a text in each file"
        )
    if full:
        notes.append(f"left out: folders {listed([folder.name for folder in full])} beside the files of the classes")
    if answered:
        notes.append("each line of a file is answered as a text; put files of one text each into a folder inside")
    return _Classes(root, _files_of_classes(root, files), True, notes)


def _files_of_classes(root: Path, files: list[Path]) -> dict[str, list[Path]]:
    tables = [each.name for each in files if ending(each) in ENDINGS]
    labels = labels_of([each.name for each in files])
    parts, _ = fixed_test(labels)
    if tables or parts:
        raise DataError(
            f"{root} holds {_files(files)}: no lines of a class each; give the files themselves, "
            "such as --data FILE --test-data FILE"
        )
    return {_label(label, file): [file] for label, file in zip(labels, files, strict=True)}


def _label(name: str, path: Path) -> str:
    if not name or name != name.strip():
        raise DataError(f"{path}: no label can begin or end with a blank, or be nothing; rename it")
    return name


def _nested(root: Path, beneath: Mapping[Path, Sequence[Path]]) -> list[str]:
    """A line about texts in folders of a class's folder; refused where they may be the classes."""
    inner = [path for folder, paths in beneath.items() for path in paths if path.parent != folder]
    if not inner:
        return []
    first = inner[0].relative_to(root)
    if all(path.parent != folder for folder, paths in beneath.items() for path in paths):
        raise DataError(
            f"{root}: {first.as_posix()} lies {len(first.parts) - 1} folders deep, so its class could be "
            f"{' or '.join(first.parts[:-1])}; name the folder that holds the classes"
        )
    return [f"{counted(len(inner), 'text')} in folders inside those of classes, the first {first.as_posix()}"]


def _without_unlabelled(part: _Classes, tested: set[str]) -> _Classes:
    names = [label for label in part.files if label.lower() in UNLABELLED and label not in tested]
    if not names:
        return part
    count = sum(len(part.files[name]) for name in names)
    note = f"left out: folder {', '.join(names)} with {counted(count, 'text')} without a class"
    kept = {label: files for label, files in part.files.items() if label not in names}
    return _Classes(part.root, kept, part.lines, [*part.notes, note])


def _table(
    name: str, parts: list[_Classes], source: Source, names: tuple[str, str], notes: tuple[str, ...], answered: bool
) -> RawTable:
    rows = [row for part in parts for row in _rows(part, source)]
    good = rows if answered else [row for row in rows if row[2].strip()]
    columns = {names[0]: [label for label, *_ in good], names[1]: [text for *_, text in good]}
    if len(good) < len(rows):
        blank = counted(len(rows) - len(good), "blank line" if parts[0].lines else "blank text")
        notes = (*notes, f"left out: {blank}")
    keys = pa.array([key for _, key, _ in good], pa.string())
    table = pa.table({column: pa.array(values, pa.string()) for column, values in columns.items()})
    notes = (*notes, *(note for part in parts for note in part.notes))
    return RawTable(name, table, lambda row: good[row][1], notes, source=source, keys=keys)


def _rows(part: _Classes, source: Source) -> Iterator[tuple[str, str, str]]:
    """(label, what the text is known by, the text) of each."""
    for label, paths in part.files.items():
        for path in paths:
            name, lines = path.relative_to(part.root).as_posix(), read_lines(path, source.encoding)
            if part.lines:
                yield from ((label, f"{name}:{number}", line) for number, line in enumerate(lines, 1))
            else:
                yield label, name, "\n".join(lines)


def _inside(folder: Path) -> tuple[list[Path], list[Path]]:
    """(files, folders) by name, hidden ones left out; links and what is neither are refused."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}") from error
    files: list[Path] = []
    folders: list[Path] = []
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if any("\ud800" <= letter <= "\udfff" for letter in entry.name):
            raise DataError(f"{folder}: the name {entry.name!a} is not UTF-8; rename it")
        if entry.is_symlink():
            raise DataError(f"{path} is a link, which is not followed; put what it names in its place")
        if not entry.is_dir() and not entry.is_file():
            raise DataError(f"{path} is no file, and no folder; remove it")
        (folders if entry.is_dir() else files).append(path)
    return files, folders


def _beneath(folder: Path) -> Iterator[Path]:
    """Every file in a folder and in the folders inside."""
    files, folders = _inside(folder)
    yield from files
    for each in folders:
        yield from _beneath(each)


def _files(paths: Sequence[Path]) -> str:
    return f"{counted(len(paths), 'file')} ({listed([path.name for path in paths])})"
