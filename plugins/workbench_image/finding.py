"""Where images are and what they show: a folder for each class, a zip of such folders, or a table with labels.

A table has the paths of images, or their very files as binary values, as Parquet files of images often do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from workbench import DataError, Source
from workbench.data.classes import as_classes
from workbench.data.columns import Checked, as_ids, find_columns
from workbench.data.labelled import NAMES as LABEL_NAMES
from workbench.data.part_folders import fixed_test
from workbench.data.tables import read_table
from workbench.wording import counted
from workbench_image.decoding import READ
from workbench_image.files import Found, PlainFile, Value
from workbench_image.trees import Tree, folder_tree, shown
from workbench_image.zips import zip_tree

PATH_NAMES = ("path", "file", "filename", "filepath", "image", "imagepath", "imagefile")

LISTED = 3
"""Names in a message."""


def listing(names: Sequence[str], between: str = ", ") -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return between.join(names[:LISTED]) + more


@dataclass(frozen=True)
class Collection:
    """Images in the order of their names, or of the rows of the table.

    Args:
        images: that there are.
        notes: one line for each thing the user should know.
        test: the fixed test part that a folder `test` makes; empty without.
    """

    images: Sequence[Found]
    notes: tuple[str, ...] = ()
    test: Sequence[Found] = ()


def labelled(data: Any, source: Source, options: Mapping[str, str]) -> Collection:
    """Images with what they show.

    Raises:
        DataError: nothing of the kind is there, or links and names lead elsewhere.
    """
    if not _is_tree(data):
        return _of_table(data, source, options, with_labels=True)
    name, tree = shown(Path(data).name), _tree(Path(data), source)
    files, notes = _images(tree, name)
    lost = tree.without(files)
    if lost:
        notes = (*notes, f"no classes, as there is no image in these folders: {listing(lost)}")
    files = _below(files)
    first = {file.name.partition("/")[0].lower() for file in files if "/" in file.name}
    held, of_parts = fixed_test(first)
    if held:
        halves: list[list[Found]] = [[], []]
        for file in files:
            top, _, rest = file.name.partition("/")
            halves[top.lower() in held].append(_with_class(file, rest, name))
        return Collection(halves[0], (*notes, of_parts), halves[1])
    return Collection([_with_class(file, file.name, name) for file in files], notes)


def unlabelled(data: Any, source: Source, options: Mapping[str, str]) -> Collection:
    """Images to be answered: of a folder or zip however deep, of a table, or a single one.

    Raises:
        DataError: as `labelled`.
    """
    if _is_tree(data):
        return Collection(*_images(_tree(Path(data), source), shown(Path(data).name)))
    if isinstance(data, str | Path) and Path(data).is_file():
        single = Found(shown(Path(data).name), PlainFile(Path(data)))
        if single.named or single.is_image():
            return Collection([single])
    return _of_table(data, source, options, with_labels=False)


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
    """Without the folders that hold nothing but the folder with those of the classes, as archives often have."""
    while len({file.name.partition("/")[0] for file in files}) == 1 and all(file.name.count("/") > 1 for file in files):
        files = [replace(file, name=file.name.partition("/")[2]) for file in files]
    return files


def _tree(path: Path, source: Source) -> Tree:
    if not path.exists():
        raise DataError(f"{shown(str(path))}: no such file; check --data")
    return folder_tree(path) if path.is_dir() else zip_tree(path, source.encoding)


def _images(tree: Tree, name: str) -> tuple[list[Found], tuple[str, ...]]:
    """The files that are named like images or begin as one, by name; and what the user should know of the tree."""
    images: list[Found] = []
    others: list[Found] = []
    for file in sorted(tree.files, key=lambda file: file.name):
        (images if file.named or file.is_image() else others).append(file)
    if not images:
        raise DataError(f"{name} holds no images; {READ} are read")
    notes = tree.notes
    if others:
        notes = [*notes, f"skipped, as none of {READ}: {counted(len(others), 'file')}, the first {others[0].name}"]
    return images, tuple(notes)


_BINARY = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)


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
    if any(is_kind(values.type) for is_kind in _BINARY):  # the files themselves
        contents = values.to_pylist()
        images = [Found(f"image {row + 1}", Value(content or b"")) for row, content in enumerate(contents)]
    else:
        beside = Path(data).parent if isinstance(data, str | Path) else Path()
        home = Path(options.get("images") or beside)
        images = [Found(path, PlainFile(home / path)) for path in as_ids(checked, columns["path"]).to_pylist()]
    rows = checked.good_rows().tolist() if images else []
    found = [replace(images[row], label=labels[row]) for row in rows]
    return Collection(found, (*table.notes, *checked.notes, *of_labels))
