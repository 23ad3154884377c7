"""Dataclasses of arrays <-> folders: written once, read by memory map.

Arrays become `.npy`, Arrow arrays and tables Arrow IPC, the rest JSON. The reader is told the type, so no file
names code. A value met a second time is written once.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

_INDEX = "fields.json"
_NAME = re.compile(r"[\w-]+(/[\w-]+)*")
"""Where a field is: names of fields, from the root down, without a dot that could lead up again."""


class Writer:
    """Writes dataclasses below one root folder, each distinct object once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._written: dict[int, tuple[str, Any]] = {}  # keeps the object, so that its id stays its own

    def write(self, value: Any, name: str) -> None:
        """Write a dataclass to `root/name`.

        Raises:
            TypeError: a field of a type that cannot be mapped.
        """
        folder = self.root / name
        folder.mkdir(parents=True)
        self._written[id(value)] = name, value
        index: dict[str, Any] = {}
        for field in dataclasses.fields(value):
            index[field.name] = self._field(getattr(value, field.name), f"{name}/{field.name}")
        (folder / _INDEX).write_text(json.dumps(index), encoding="utf-8")

    def _field(self, value: Any, name: str) -> dict[str, Any]:
        if value is None or isinstance(value, bool | int | float | str | list | dict):
            return {"value": value}
        if id(value) in self._written:
            return {"at": self._written[id(value)][0]}
        if dataclasses.is_dataclass(value):
            self.write(value, name)
            return {"at": name}
        if isinstance(value, np.ndarray) and value.dtype.kind != "O":
            name += ".npy"
            write_array(self.root / name, value)
        elif isinstance(value, pa.Array | pa.Table):
            name += ".arrow" if isinstance(value, pa.Array) else ".table"
            table = pa.table({"values": value}) if isinstance(value, pa.Array) else value
            with (
                pa.OSFile(str(self.root / name), "wb") as sink,
                pa.ipc.new_file(sink, table.schema) as writer,
            ):
                writer.write_table(table)
        else:
            raise TypeError(f"{name} is a {type(value).__qualname__}; give arrays, plain values or dataclasses of them")
        self._written[id(value)] = name, value
        return {"at": name}


def write_array(path: Path, array: Any) -> None:
    """Write an array as `.npy`.

    Raises:
        OSError: it cannot be written; unlike that of `np.save`, the error has the number of a full disk.
    """
    try:
        np.save(path, array, allow_pickle=False)
    except OSError as error:
        if error.errno is None:  # fewer bytes were written than there are, and numpy does not say why
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def read(kind: type, root: Path, name: str, *, validate: bool = False) -> Any:
    """The dataclass `kind` that was written to `root/name`; its arrays are read-only maps.

    Args:
        kind: what was written.
        root: the folder of the writer.
        name: below it.
        validate: whether to look at every value of Arrow data: offsets that somebody else has written may lead out of
            the memory that holds it.

    Raises:
        ValueError: a field is said to be outside of `root`, or inside of itself; or Arrow data is broken.
    """
    return _read(kind, root, name, validate, ())


def _read(kind: type, root: Path, name: str, validate: bool, within: tuple[str, ...]) -> Any:
    if name in within or not _NAME.fullmatch(name):
        raise ValueError(f"{_INDEX} names {name!a}, which is no place of a field")
    index = json.loads((root / name / _INDEX).read_text(encoding="utf-8"))
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        entry = index[field.name]
        if "at" not in entry:
            values[field.name] = entry["value"]
            continue
        at, _, suffix = entry["at"].partition(".")
        if suffix and not _NAME.fullmatch(at):
            raise ValueError(f"{_INDEX} names {entry['at']!a}, which is no place of a field")
        if not suffix:
            values[field.name] = _read(_dataclass_in(field, kind), root, at, validate, (*within, name))
        elif suffix == "npy":
            values[field.name] = np.load(root / f"{at}.npy", mmap_mode="r", allow_pickle=False)
        elif suffix in ("arrow", "table"):
            with pa.memory_map(str(root / f"{at}.{suffix}")) as source:
                table = pa.ipc.open_file(source).read_all()
            if validate:
                table.validate(full=True)
            values[field.name] = table["values"].combine_chunks() if suffix == "arrow" else table
        else:
            raise ValueError(f"{_INDEX} names {entry['at']!a}, which is no kind of file that fields are kept in")
    return kind(**values)


def _dataclass_in(field: dataclasses.Field[Any], owner: type) -> type:
    """The dataclass that a field's annotation names, such as `Interactions | None`."""
    if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
        return field.type
    names = vars(sys.modules[owner.__module__])
    for word in re.findall(r"\w+", str(field.type)):
        if isinstance(names.get(word), type) and dataclasses.is_dataclass(names[word]):
            return names[word]  # type: ignore[no-any-return]
    raise TypeError(f"{owner.__qualname__}.{field.name}: {field.type} names no dataclass of its module")
