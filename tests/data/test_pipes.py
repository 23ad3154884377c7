"""What comes through a pipe is kept in a file; devices are refused."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from workbench.data.pipes import is_pipe, kept
from workbench.errors import CannotGoOn, DataError
from workbench.settings import RunSettings
from workbench.shortage import told

CONTENT = b"user,item\n" + b"a,b\n" * 50_000


def test_a_pipe_becomes_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "ratings.csv"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(CONTENT,))
    writer.start()
    file = kept(pipe, tmp_path / "data")
    writer.join()
    assert (file, file.read_bytes()) == (tmp_path / "data" / "ratings.csv", CONTENT)


def test_what_a_shell_puts_for_a_command_is_read(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.write(writes, b"x")
    os.close(writes)
    try:
        assert kept(f"/dev/fd/{reads}", tmp_path / "data").read_bytes() == b"x"
    finally:
        os.close(reads)


def test_files_and_tables_stay(tmp_path: Path) -> None:
    table = pa.table({"a": [1]})
    assert kept(table, tmp_path / "data") is table
    assert kept(tmp_path / "none.csv", tmp_path / "data") == tmp_path / "none.csv"
    assert not (tmp_path / "data").exists()


def test_a_full_disk_is_not_blamed_on_the_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    reads, writes = os.pipe()
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(CannotGoOn, match=r"no room left on the disk of .*TMPDIR"), told():
        kept(f"/dev/fd/{reads}", tmp_path / "data")
    os.close(reads)
    os.close(writes)


def test_an_endless_device_is_refused(tmp_path: Path) -> None:
    with open("/dev/zero", "rb") as zero, pytest.raises(DataError, match="pipe is a device; give a file"):  # noqa: PTH123
        kept(f"/dev/fd/{zero.fileno()}", tmp_path / "data")


def test_settings_say_that_data_came_through_a_pipe(tmp_path: Path) -> None:
    assert [is_pipe(data) for data in ("-", "/dev/stdin", "/dev/fd/63", tmp_path, "a\0b", None)] == [True] * 3 + [
        False
    ] * 3
    stored = RunSettings.from_mapping(RunSettings("recommend", data="-").to_json())
    assert stored.gone() == ("data", "through a pipe")
    assert RunSettings("recommend", data=tmp_path).gone() is None
