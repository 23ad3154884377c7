"""Files as bytes: unpacked, under any name, and named by their kind where they are no table that can be read."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from workbench.contract.task import Source, file_name
from workbench.errors import DataError

UTF_8 = ("utf-8", "utf-8-sig")
"""Names of codecs, the second of which leaves out a byte order mark."""

PACKED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}

_PACKED_BEGIN = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}

_AS_TEXT = "save it as CSV, Parquet or JSONL"

_OTHERS = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"\x89HDF", "HDF5", _AS_TEXT),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
    (b"ARROW1", "Feather (Arrow IPC)", "save it as Parquet"),
    (b"FEA1", "Feather", "save it as Parquet"),
    (b"Obj\x01", "Avro", "save it as Parquet"),
    (b"ORC", "ORC", "save it as Parquet"),
    (b"\x93NUMPY", "a NumPy array", _AS_TEXT),
    (b"%PDF", "a PDF", _AS_TEXT),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\xfd7zXZ", "packed by xz", "unpack it, or pack it by gzip"),
)
"""(how the content begins, what that is, what to do)"""

_ENDINGS = {
    ".xlsx": ("an Excel workbook", "save the sheet as CSV"),
    ".xls": ("an Excel workbook", "save the sheet as CSV"),
    ".ods": ("a spreadsheet", "save the sheet as CSV"),
    ".zip": ("a zip archive", "unpack it, or pack the file by gzip"),
    ".tar": ("a tar archive", "unpack it"),
    ".tgz": ("a tar archive", "unpack it"),
    ".xml": ("XML", _AS_TEXT),
    ".html": ("HTML", _AS_TEXT),
    **dict.fromkeys((".pkl", ".pickle"), ("a pickle, which may run code", _AS_TEXT)),
    **dict.fromkeys((".h5", ".hdf5"), ("HDF5", _AS_TEXT)),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), ("Arrow IPC", "save it as Parquet")),
    ".avro": ("Avro", "save it as Parquet"),
    ".orc": ("ORC", "save it as Parquet"),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3"), ("a database", "export the table as CSV")),
    **dict.fromkeys((".npy", ".npz"), ("a NumPy array", _AS_TEXT)),
}


def opened(path: Path) -> pa.NativeFile:
    """The bytes of a file, unpacked where its ending or its content says that it is packed."""
    if not path.is_file():  # a device may never end, and a pipe can be read only once
        raise DataError(f"{file_name(path)} is no file; give one")
    name = os.fsencode(path)  # Arrow knows no other names than UTF-8
    kind = PACKED.get(path.suffix.lower())
    if kind is None:
        with pa.OSFile(name) as file:
            head = file.read(4)
        kind = next((kind for begin, kind in _PACKED_BEGIN.items() if head.startswith(begin)), None)
    return pa.OSFile(name) if kind is None else pa.CompressedInputStream(pa.OSFile(name), kind)


def codec_of(encoding: str) -> str:
    """What Python calls a text encoding, whatever name of it the user gave: `utf-8` for `U8`.

    Raises:
        DataError: there is no such text encoding.
    """
    try:
        "a".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise DataError(f"--encoding {encoding}: no such text encoding") from error


def ending(path: Path) -> str:
    """The ending of a name in lower case, before that of a packed file; empty if there is none."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in PACKED]
    return suffixes[-1] if suffixes else ""


def head_of(path: Path, size: int = 1 << 16) -> bytes:
    """The first bytes of a file, unpacked."""
    with opened(path) as stream:
        return bytes(stream.read(size))


def refuse_others(path: Path, source: Source) -> None:
    """Raise where a file is of a kind that is known and not read, by its content or its ending.

    Raises:
        DataError: what it is, and what to make of it.
    """
    head = head_of(path)
    found = next(((what, remedy) for begin, what, remedy in _OTHERS if head.startswith(begin)), None)
    if head.startswith(b"PK\x03\x04"):
        found = _ENDINGS[".xlsx"] if b"[Content_Types].xml" in head or b"xl/" in head else _ENDINGS[".zip"]
    elif len(head) > 1 and head[0] == 0x80 and head[1] in (2, 3, 4, 5):
        found = _ENDINGS[".pkl"]
    found = found or _ENDINGS.get(ending(path))
    if found is not None:
        raise DataError(f"{file_name(path)} is {found[0]}; {found[1]}")
    if b"\0" in head and codec_of(source.encoding) in UTF_8 and not _is_wide(head):
        raise DataError(f"{file_name(path)} holds bytes of no text, and is of no kind that is read; {_AS_TEXT}")


def _is_wide(head: bytes) -> bool:
    """Whether it is text of two bytes a letter, of which the check of the encoding says what to do."""
    return head.startswith((b"\xff\xfe", b"\xfe\xff"))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the errors of the system about a file into one line.

    Raises:
        DataError: instead of OSError.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{file_name(path)} cannot be read: {(str(error) or type(error).__name__).splitlines()[0]}"
        ) from error
