"""Files and folders that commands write: whole, or not at all."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest

from workbench.cli.files import filling, replacing
from workbench.errors import DataError


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_is_there_when_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "lists.csv"
    path.write_bytes(b"old")
    with replacing(path, "--output lists.csv") as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert _names(tmp_path) == ["lists.csv"]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), ValueError("no"), KeyboardInterrupt()])
def test_a_fault_leaves_what_was_there(tmp_path: Path, fault: BaseException) -> None:
    path = tmp_path / "lists.csv"
    path.write_bytes(b"old")
    expected = DataError if isinstance(fault, OSError) else type(fault)
    with pytest.raises(expected) as raised, replacing(path, "--output lists.csv") as file:
        file.write(b"half")
        raise fault
    if isinstance(fault, OSError):
        assert str(raised.value) == "--output lists.csv: No space left on device"
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == ["lists.csv"]


def test_permissions_are_those_of_the_file_before_or_of_any_new_file(tmp_path: Path) -> None:
    before, new, usual = tmp_path / "before", tmp_path / "new", tmp_path / "usual"
    before.touch(mode=0o640)
    usual.touch()
    for path in (before, new):
        with replacing(path, "it") as file:
            file.write(b"x")
    assert before.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == usual.stat().st_mode


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.csv").symlink_to("real/lists.csv")
    with replacing(tmp_path / "link.csv", "it") as file:
        file.write(b"x")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real/lists.csv").read_bytes() == b"x"


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with replacing(pipe, "it") as file:
        file.write(b"x")
    reader.join()
    assert read == [b"x"]
    assert pipe.is_fifo()


def test_a_device_is_written_to(tmp_path: Path) -> None:
    with replacing(Path("/dev/null"), "it") as file:
        file.write(b"x")
    with pytest.raises(DataError, match=r"^--output /dev/full: No space left on device$"):  # noqa: SIM117
        with replacing(Path("/dev/full"), "--output /dev/full") as file:
            file.write(b"x")


@pytest.mark.parametrize("path", ["none/lists.csv", ".", "x" * 300])
def test_what_cannot_be_written_is_one_line(tmp_path: Path, path: str) -> None:
    with pytest.raises(DataError, match=r"^it: \w.*$"), replacing(tmp_path / path, "it") as file:
        file.write(b"x")
    assert _names(tmp_path) == []


def test_a_folder_is_filled_or_not_there(tmp_path: Path) -> None:
    with filling(tmp_path / "a/b", "it") as draft:
        (draft / "model").mkdir()
        (draft / "model/x").touch()
    assert [path.name for path in (tmp_path / "a/b").rglob("*")] == ["model", "x"]
    with pytest.raises(DataError, match=r"^it: No space left on device$"), filling(tmp_path / "c", "it") as draft:
        (draft / "model").touch()
        raise OSError(28, "No space left on device")
    assert _names(tmp_path) == ["a"]


def test_an_empty_folder_stays_and_a_full_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), filling(tmp_path, "it") as draft:
        (draft / "model").touch()
        raise ValueError("no")
    assert _names(tmp_path) == []
    with filling(tmp_path, "it") as draft:
        (draft / "model").touch()
    assert _names(tmp_path) == ["model"]
    with pytest.raises(DataError, match=r"^it is there already and not empty"), filling(tmp_path, "it"):
        pass


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="there is no such folder here")
def test_a_file_in_shared_memory_is_replaced_like_any_other() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder, "lists.csv")
        for content in (b"old\n", b"new\n"):
            with replacing(path, "--output lists.csv") as file:
                file.write(content)
        assert path.read_bytes() == b"new\n"
        assert _names(Path(folder)) == ["lists.csv"]
