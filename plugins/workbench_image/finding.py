"""Where images are and what they show: a folder for each class, a zip of such folders, or a table with labels.

A table has the paths of images, or their very files as binary values, as Parquet files of images often do.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from workbench import DataError, Source
from workbench.data.classes import as_classes
from workbench.data.columns import Checked, as_ids, find_columns
from workbench.data.labelled import NAMES as LABEL_NAMES
from workbench.data.part_folders import fixed_test
from workbench.data.tables import read_table
from workbench_image.decoding import FORMATS

PATH_NAMES = ("path", "file", "filename", "filepath", "image", "imagepath", "imagefile")

MOST_UNPACKED = 16 * 2**30
MOST_OF_ONE = 2**28
"""Bytes of all files of a zip together, and of one image."""


@dataclass(frozen=True)
class Found:
    """One image file.

    Args:
        name: how it is shown, with `/` between folders.
        read: its bytes.
        label: what it shows; empty where that is not known.
    """

    name: str
    read: Callable[[], bytes]
    label: str = ""

    @property
    def suffix(self) -> str:
        """How its name ends, with the dot."""
        return PurePosixPath(self.name).suffix.lower()


@dataclass(frozen=True)
class Collection:
    """Images in the order of their names, or of the rows of the table.

    Args:
        images: that there are.
        test: the fixed test part that a folder `test` makes; empty without.
        notes: one line for each thing the user should know.
    """

    images: Sequence[Found]
    test: Sequence[Found] = ()
    notes: tuple[str, ...] = field(default=())


def labelled(data: Any, source: Source, options: Mapping[str, str]) -> Collection:
    """Images with what they show.

    Raises:
        DataError: nothing of the kind is there, or links and names lead elsewhere.
    """
    name = Path(data).name if isinstance(data, str | Path) else "table"
    if not _is_tree(data):
        return _of_table(data, source, options, with_labels=True)
    files, notes = _files(Path(data))
    files = _below(files)
    first = {file.name.partition("/")[0].lower() for file in files if "/" in file.name}
    held, of_parts = fixed_test(first)
    if held:
        halves: list[list[Found]] = [[], []]
        for file in files:
            top, _, rest = file.name.partition("/")
            halves[top.lower() in held].append(_with_class(file, rest, name))
        notes = (*notes, of_parts)
        return Collection(halves[0], halves[1], notes)
    return Collection([_with_class(file, file.name, name) for file in files], (), notes)


def unlabelled(data: Any, source: Source, options: Mapping[str, str]) -> Collection:
    """Images to be answered: of a folder or zip however deep, of a table, or a single one.

    Raises:
        DataError: as `labelled`.
    """
    if isinstance(data, str | Path) and Path(data).suffix.lower() in FORMATS and Path(data).is_file():
        return Collection([Found(Path(data).name, Path(data).read_bytes)])
    if not _is_tree(data):
        return _of_table(data, source, options, with_labels=False)
    files, notes = _files(Path(data))
    return Collection(files, (), notes)


def _is_tree(data: Any) -> bool:
    return isinstance(data, str | Path) and (Path(data).is_dir() or Path(data).suffix.lower() == ".zip")


def _with_class(file: Found, inner: str, whole: str) -> Found:
    folders = inner.split("/")[:-1]
    if not folders:
        raise DataError(
            f"{whole}: {file.name} lies in no class's folder; put the images of each class into a folder of its own, "
            "or give a table of paths and labels"
        )
    if len(folders) > 1:
        raise DataError(
            f"{whole}: {file.name} lies {len(folders)} folders deep, so its class could be "
            f"{' or '.join(folders)}; name the folder that holds the classes, or give a table of paths and labels"
        )
    return replace(file, label=folders[0])


def _below(files: list[Found]) -> list[Found]:
    """Without the one folder that holds the folders of the classes, as archives often have."""
    parts = [file.name.split("/") for file in files]
    if len({names[0] for names in parts}) == 1 and all(len(names) > 2 for names in parts):
        return [replace(file, name="/".join(names[1:])) for file, names in zip(files, parts, strict=True)]
    return files


def _files(path: Path) -> tuple[list[Found], tuple[str, ...]]:
    """Every file that is named like an image, by name, and what the user should know of the rest."""
    if not path.exists():
        raise DataError(f"{path}: no such file; check --data")
    found = sorted(_in_folder(path) if path.is_dir() else _in_zip(path), key=lambda file: file.name)
    images = [file for file in found if file.suffix in FORMATS]
    others = [file.name for file in found if file.suffix not in FORMATS]
    if not images:
        raise DataError(f"{path.name} holds no images; JPEG, PNG, WEBP, GIF and BMP are read")
    notes = (f"skipped: {len(others):,} files that are not named as images, the first {others[0]}",) if others else ()
    return images, notes


def _in_folder(root: Path) -> Iterator[Found]:
    """Hidden files are ignored; links that lead out of the folder, or into themselves, are refused."""
    home = root.resolve()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"{folder} cannot be read: {error.strerror}") from error
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                _check_link(path, home)
            if entry.is_dir():
                waiting.append(path)
            else:
                yield Found(path.relative_to(root).as_posix(), path.read_bytes)


def _check_link(path: Path, home: Path) -> None:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise DataError(f"{path} is a link that leads nowhere or in a circle; remove it") from error
    if not target.is_relative_to(home):
        raise DataError(f"{path} is a link out of {home.name}; put the files there, or give a table of paths")
    if target.is_dir():
        raise DataError(f"{path} is a link to another folder of {home.name}, which would count twice; remove it")


def _in_zip(path: Path) -> Iterator[Found]:
    """Nothing is unpacked to disk; names that lead elsewhere, links and archives that grow too large are refused."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path.name} cannot be read as a zip: {error}") from error
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise DataError(f"{path.name} would unpack to more than {MOST_UNPACKED >> 30} GiB")
    for entry in entries:
        parts = entry.filename.split("/")
        if ".." in parts or entry.filename.startswith("/") or "\\" in entry.filename or ":" in parts[0]:
            raise DataError(f"{path.name}: {entry.filename!r} leads out of the archive")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DataError(f"{path.name}: {entry.filename!r} is a link")
        if entry.flag_bits & 1:
            raise DataError(f"{path.name} is encrypted; unpack it first")
        if not any(part.startswith((".", "__MACOSX")) for part in parts):
            yield Found(entry.filename, _reader(archive, entry))


def _reader(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        if entry.file_size > MOST_OF_ONE:
            raise OSError(f"larger than {MOST_OF_ONE >> 20} MiB")
        try:
            return archive.read(entry)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise OSError(f"broken in the zip: {error}") from error

    return read


def _of_table(data: Any, source: Source, options: Mapping[str, str], *, with_labels: bool) -> Collection:
    table = read_table(data, source)
    roles = {"path": PATH_NAMES} | ({"target": LABEL_NAMES} if with_labels else {})
    given = {"path": options.get("path"), "target": options.get("target")}
    columns = find_columns(table, roles, given, list(roles), flag="--{}")
    checked = Checked(table, source.on_bad_rows)
    labels = [""] * table.columns.num_rows
    of_labels: tuple[str, ...] = ()
    if with_labels:
        text, of_labels = as_classes(table, columns["target"])
        missing = text.is_null().to_numpy(zero_copy_only=False)
        checked.refuse(missing, columns["target"], table.columns.column(columns["target"]), "a label")
        labels = text.to_pylist()
    values = table.columns.column(columns["path"])
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):  # the files themselves
        contents = values.to_pylist()
        images = [Found(f"image {row + 1}", partial(bytes, content or b"")) for row, content in enumerate(contents)]
    else:
        beside = Path(data).parent if isinstance(data, str | Path) else Path()
        home = Path(options.get("images") or beside)
        images = [Found(path, (home / path).read_bytes) for path in as_ids(checked, columns["path"]).to_pylist()]
    rows = checked.good_rows().tolist() if images else []
    found = [replace(images[row], label=labels[row]) for row in rows]
    return Collection(found, (), (*table.notes, *checked.notes, *of_labels))
