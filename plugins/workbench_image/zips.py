"""Files in a zip, read without unpacking them to disk."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench import DataError
from workbench.data.files import codec_of
from workbench_image.files import Found, PlainFile
from workbench_image.trees import Tree, shown

MOST_UNPACKED = 16 * 2**30
"""Bytes of all files of a zip together."""

USUAL_ENCODINGS = ("gbk", "big5", "shift_jis", "euc_kr", "cp866", "cp437")
"""Of names, in zips that do not say theirs."""


def zip_tree(path: Path, encoding: str) -> Tree:
    """Files and folders of a zip.

    Args:
        path: of the zip.
        encoding: of the names that the zip itself does not say to be UTF-8.

    Raises:
        DataError: the zip cannot be read, would unpack to too much, has links or names that lead elsewhere, or names
            in another encoding.
    """
    where = shown(path.name)
    try:
        PlainFile(path).size()
        archive = zipfile.ZipFile(path)
    except Exception as error:  # the reader of broken zips raises whatever it likes
        raise DataError(f"{where} cannot be read as a zip: {error}") from error
    entries = archive.infolist()
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise DataError(f"{where} would unpack to more than {MOST_UNPACKED >> 30} GiB")
    tree, members, twice = Tree(), dict[str, zipfile.ZipInfo](), []
    for name, entry in zip(_names(entries, encoding, where), entries, strict=True):
        parts = _parts(name, where)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DataError(f"{where}: {name!r} is a link")
        if not parts or any(part.startswith((".", "__MACOSX")) for part in parts):
            continue
        inner = "/".join(parts)
        tree.add_folder(inner if name.endswith("/") else inner.rpartition("/")[0])
        if name.endswith("/"):
            continue
        if inner in members:
            twice.append(inner)
        members[inner] = entry
    if twice:
        tree.notes.append(f"files that stand twice in the zip, the last is read: {len(twice):,}, the first {twice[0]}")
    tree.files = [Found(name, Member(archive, entry)) for name, entry in members.items()]
    return tree


@dataclass(frozen=True)
class Member:
    """A file in a zip."""

    archive: zipfile.ZipFile
    entry: zipfile.ZipInfo

    def size(self) -> int:
        """As the zip says; no more is ever unpacked."""
        return self.entry.file_size

    def start(self, most: int) -> bytes:
        """Unpacked as far as that."""
        if self.entry.flag_bits & 1:
            raise OSError("encrypted in the zip")
        try:
            with self.archive.open(self.entry) as file:
                return file.read(most)
        except Exception as error:  # what unpacks broken members raises whatever it likes
            raise OSError(f"broken in the zip: {error or type(error).__name__}") from error


def _names(entries: Sequence[zipfile.ZipInfo], encoding: str, where: str) -> list[str]:
    """With `/` between folders, also where all of them have a backslash there, as some programs of Windows write.

    Raises:
        DataError: they are in another encoding, or have both.
    """
    codec = codec_of(encoding)
    try:
        names = [_name(entry, codec) for entry in entries]
    except UnicodeError as error:
        readings = "; ".join(f"{other} reads {name!r}" for other, name in _readings(entries))
        raise DataError(
            f"{where}: its names are not in {encoding}; pass --encoding with the one that makes sense: {readings}"
        ) from error
    slashed = any("/" in name for name in names)
    for name in names:
        if "\\" in name and slashed:
            raise DataError(f"{where}: {name!r} has a backslash, which others do not have between folders; rename it")
    return [name.replace("\\", "/") for name in names]


def _name(entry: zipfile.ZipInfo, encoding: str) -> str:
    """As the zip says, in UTF-8, else in this encoding.

    Raises:
        UnicodeError: it is not in this encoding.
    """
    if entry.flag_bits & _UTF_8 or entry.orig_filename.isascii():
        return entry.orig_filename
    raw = entry.orig_filename.encode("cp437")  # by which every byte has been read
    name = _field_of_utf_8(entry, raw) or raw.decode(encoding)
    name.encode()  # what cannot be encoded could not be stored
    return name


_UTF_8 = 0x800
_FIELD_OF_UTF_8 = 0x7075


def _field_of_utf_8(entry: zipfile.ZipInfo, raw: bytes) -> str:
    """The name in the field for one in UTF-8, if it is there and of this name."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _FIELD_OF_UTF_8 and field[:5] == struct.pack("<BI", 1, zlib.crc32(raw)):
            return field[5:].decode()
    return ""


def _readings(entries: Sequence[zipfile.ZipInfo]) -> list[tuple[str, str]]:
    """(an encoding that all names could be in, the first one that is not ASCII as it would be read)."""
    odd = [entry for entry in entries if not entry.orig_filename.isascii() and not entry.flag_bits & _UTF_8]
    found = []
    for encoding in USUAL_ENCODINGS:
        try:
            names = [_name(entry, encoding) for entry in odd]
        except UnicodeError:
            continue
        found.append((encoding, names[0]))
    return found


def _parts(name: str, where: str) -> list[str]:
    """The names of the folders and of the file.

    Raises:
        DataError: it leads out of the zip, or cannot be a file's name.
    """
    parts = name.split("/")
    if ".." in parts or name.startswith("/") or re.match("[A-Za-z]:", name):
        raise DataError(f"{where}: {name!r} leads out of the archive")
    if "\0" in name:
        raise DataError(f"{where}: {name!r} has a NUL in its name")
    return [part for part in parts if part not in ("", ".")]
