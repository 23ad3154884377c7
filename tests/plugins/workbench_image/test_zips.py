"""Zips as the programs of this world write them: their names, what is broken in them, what they must not do."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import DataError
from workbench_image import files, zips
from workbench_image.zips import zip_tree


def zipped(path: Path, names: list[str], content: bytes = b"x", kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that stand twice
        for name in names:
            archive.writestr(name, content)
    return path


def unmarked(path: Path, names: list[bytes], field: bytes = b"") -> Path:
    """With names of these bytes, and no word on their encoding but this extra field of the first."""
    drafts = [chr(ord("A") + number) * len(name) for number, name in enumerate(names)]
    with zipfile.ZipFile(path, "w") as archive:
        for draft in drafts:
            entry = zipfile.ZipInfo(draft)
            entry.extra, field = field, b""
            archive.writestr(entry, b"x")
    raw = path.read_bytes()
    for draft, name in zip(drafts, names, strict=True):
        raw = raw.replace(draft.encode(), name)
    path.write_bytes(raw)
    return path


def names_in(path: Path, encoding: str = "utf-8") -> list[str]:
    return sorted(file.name for file in zip_tree(path, encoding).files)


@pytest.mark.parametrize("encoding", ["gbk", "shift_jis", "cp437", "utf-8"])
def test_names_are_read_in_the_encoding_that_the_user_gives(tmp_path: Path, encoding: str) -> None:
    # The second byte of 表 is a backslash in Shift-JIS.
    names = {"gbk": "图/方.png", "shift_jis": "表/円.png", "cp437": "Äpfel/é.png", "utf-8": "图é/方.png"}[encoding]
    path = unmarked(tmp_path / "x.zip", [names.encode(encoding), b"plain/1.png"])
    assert names_in(path, encoding) == sorted([names, "plain/1.png"])
    if encoding != "utf-8":
        with pytest.raises(DataError, match=f"not in utf-8; pass --encoding with the one .*{encoding} reads '{names}'"):
            names_in(path)


def test_names_that_the_zip_marks_as_utf_8_need_no_encoding(tmp_path: Path) -> None:
    assert names_in(zipped(tmp_path / "x.zip", ["图/1.png"]), "gbk") == ["图/1.png"]
    raw = "Übung/1.png".encode("cp437")
    name = "图/方.png".encode()
    field = struct.pack("<HHBI", 0x7075, 5 + len(name), 1, zlib.crc32(raw)) + name
    assert names_in(unmarked(tmp_path / "y.zip", [raw], field)) == ["图/方.png"]
    with pytest.raises(DataError, match="no such text encoding"):
        names_in(tmp_path / "x.zip", "klingon")


def test_backslashes_are_folders_where_all_names_have_them(tmp_path: Path) -> None:
    tree = zip_tree(zipped(tmp_path / "x.zip", ["pets\\cats\\1.png", "pets\\dogs\\1.png", "pets\\none\\"]), "utf-8")
    assert [file.name for file in tree.files] == ["pets/cats/1.png", "pets/dogs/1.png"]
    assert tree.folders == {"pets", "pets/cats", "pets/dogs", "pets/none"}
    with pytest.raises(DataError, match=r"'b.*c.png' has a backslash, which others do not"):
        names_in(zipped(tmp_path / "x.zip", ["a/1.png", "b\\c.png"]))


@pytest.mark.parametrize("name", ["../a/1.png", "a/../../1.png", "/a/1.png", "C:/a/1.png", "c:1.png"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    for each in (name, name.replace("/", "\\")):
        with pytest.raises(DataError, match="leads out of the archive"):
            names_in(zipped(tmp_path / "x.zip", ["0.png", each]))


def test_colons_and_points_within_names_are_read(tmp_path: Path) -> None:
    names = ["10:30/1.png", "./a//2.png", "..b/3.png", "__MACOSX/4.png", ".git/5.png"]
    assert names_in(zipped(tmp_path / "x.zip", names)) == ["10:30/1.png", "a/2.png"]


def test_of_files_that_stand_twice_the_last_is_read_and_that_is_said(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", ["a/1.png", "b/1.png"])
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a/1.png", b"later")
    tree = zip_tree(path, "utf-8")
    assert {file.name: file.read() for file in tree.files} == {"a/1.png": b"later", "b/1.png": b"x"}
    assert tree.notes == ["files that stand twice in the zip, the last is read: 1, the first a/1.png"]


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a/link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="is a link"):
        names_in(tmp_path / "x.zip")


def test_what_is_unpacked_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "x.zip", ["a/1.png", "b/1.png"], bytes(1000))
    monkeypatch.setattr(files, "MOST_OF_ONE", 999)
    with pytest.raises(OSError, match="larger than"):
        zip_tree(path, "utf-8").files[0].read()
    monkeypatch.setattr(zips, "MOST_UNPACKED", 1999)
    with pytest.raises(DataError, match="would unpack to more than"):
        names_in(path)


def test_a_file_that_is_no_zip_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"no zip")
    (tmp_path / "y.zip").mkdir()
    for name in ("x.zip", "y.zip", "missing.zip"):
        with pytest.raises(DataError, match=f"{name} cannot be read as a zip"):
            names_in(tmp_path / name)


def test_an_encrypted_member_is_a_broken_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", ["a/1.png"])
    raw = bytearray(path.read_bytes())
    raw[6] |= 1  # of the local header
    raw[raw.index(b"PK\1\2") + 8] |= 1  # of the directory
    path.write_bytes(raw)
    with pytest.raises(OSError, match="encrypted in the zip"):
        zip_tree(path, "utf-8").files[0].read()


KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@given(st.sampled_from(KINDS), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8))
def test_a_damaged_zip_is_refused_or_its_files_are(
    tmp_path_factory: pytest.TempPathFactory, kind: int, damage: list[tuple[int, int]]
) -> None:
    path = zipped(tmp_path_factory.mktemp("zip") / "x.zip", ["a/1.png", "é/2.png"], bytes(range(200)), kind)
    raw = bytearray(path.read_bytes())
    for at, value in damage:
        raw[at % len(raw)] = value
    path.write_bytes(raw)
    with contextlib.suppress(DataError):
        for file in zip_tree(path, "utf-8").files:
            assert isinstance(file.is_image(), bool)
            with contextlib.suppress(OSError):
                assert io.BytesIO(file.read()).getbuffer().nbytes == file.size()
