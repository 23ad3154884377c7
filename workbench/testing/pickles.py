"""Finding pickles in what a model has stored, without loading anything."""

from __future__ import annotations

import io
import pickletools
import zipfile
import zlib
from pathlib import Path

MOST = 2**26
"""Bytes of one file that are looked at."""


def in_folder(folder: Path) -> list[str]:
    """The files below a folder that hold a pickle, members of archives too."""
    return [
        found
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for found in _inside(path.read_bytes()[:MOST], path.relative_to(folder).as_posix())
    ]


def _inside(data: bytes, name: str) -> list[str]:
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [
                found for member in archive.namelist() for found in _inside(archive.read(member), f"{name}:{member}")
            ]
    if data[:6] == b"\x93NUMPY":
        return [name] if b"'descr': '|O'" in data[:256] else []
    if data[:1] == b"\x78":  # what joblib makes of it when it compresses
        try:
            return _inside(zlib.decompress(data), name)
        except zlib.error:
            pass
    return [name] if is_pickle(data) else []


def is_pickle(data: bytes) -> bool:
    """Whether these bytes begin with a pickle that does something; they are read, never loaded."""
    try:
        commands = sum(1 for _ in pickletools.genops(data))
    except Exception:  # noqa: BLE001 - then it is none
        return False
    return commands > 2
