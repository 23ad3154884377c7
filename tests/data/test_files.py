"""Files of other kinds are named, whatever they are called."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.contract.task import Source
from workbench.data.tables import read_table
from workbench.errors import DataError


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "a,b\n1,2\n")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("r.xlsx", zipped("xl/workbook.xml"), "an Excel workbook; save the sheet as CSV"),
        ("r.csv", zipped("xl/workbook.xml"), "an Excel workbook"),
        ("r.zip", zipped("r.csv"), "a zip archive; unpack it"),
        ("r", b"\x80\x04\x95rest", "a pickle, which may run code; save it as CSV, Parquet or JSONL"),
        ("r.feather", b"ARROW1\0\0", "Feather (Arrow IPC); save it as Parquet"),
        ("r.h5", b"\x89HDF\r\n", "HDF5"),
        ("r.txt", b"SQLite format 3\0", "an SQLite database; export the table as CSV"),
        ("r.avro", b"Obj\x01", "Avro"),
        ("r.orc", b"ORC", "ORC"),
        ("r.bin", b"a\0\x01\x02", "holds bytes of no text"),
    ],
)
def test_other_formats_are_named(write: Callable[..., Path], name: str, content: bytes, said: str) -> None:
    path = write(content, name)
    with pytest.raises(DataError) as caught:
        read_table(path, Source(path))
    assert str(caught.value).startswith(f"{name} ")
    assert said in str(caught.value)


def test_what_a_file_holds_counts_where_its_name_says_nothing(write: Callable[..., Path], tmp_path: Path) -> None:
    expected = pa.table({"user": ["007"], "item": ["b"]})
    pq.write_table(expected, tmp_path / "table")
    text = b"user,item\n007,b\n"
    objects = b'{"user": "007", "item": "b"}\n'
    written = [
        write(content, name)
        for name, content in (
            ("ratings 2024.01", text),
            ("RATINGS.CSV", text),
            ("u1.base", gzip.compress(text)),
            ("lines", objects),
            ("packed", gzip.compress(objects)),
        )
    ]
    for path in (tmp_path / "table", *written):
        assert read_table(path, Source(path)).columns.equals(expected), path


def test_a_name_may_be_any_bytes(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
    path.write_bytes(b"user,item\na,b\n")
    source = Source(path)
    read = read_table(path, source)
    assert (read.columns.num_rows, read.name, source.name) == (1, "caf\\xe9.csv", "caf\\xe9.csv")


def test_devices_and_pipes_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "items")
    with pytest.raises(DataError, match="items is a pipe; give a file"):
        read_table(tmp_path / "items", Source(tmp_path / "items"))
    with pytest.raises(DataError, match="zero is a device; give a file"):
        read_table("/dev/zero", Source("/dev/zero"))
