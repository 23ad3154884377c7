"""What the machine lacks is told from faults, in one line with a remedy."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from workbench import shortage
from workbench.errors import CannotGoOn, DataError

SCRATCH = tempfile.gettempdir()


def amid(error: BaseException) -> BaseException:
    """Another error, raised while this one was handled."""
    try:
        try:
            raise error
        except BaseException:  # noqa: BLE001 - raised again over it
            raise RuntimeError("saving failed")  # noqa: B904 - without `from`, as libraries do
    except RuntimeError as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space"), f"no room left on the disk of {SCRATCH}; make room there, or set TMPDIR"),
        (OSError(errno.EDQUOT, "Quota"), f"no room left on the disk of {SCRATCH}; make room there, or set TMPDIR"),
        (OSError(errno.ENOSPC, "No space", "/data/out.csv"), "no room left on the disk of /data/out.csv; make room"),
        (OSError(errno.ENOSPC, "No space", f"{SCRATCH}/run-1/x"), f"no room left on the disk of {SCRATCH}; make"),
        (amid(OSError(errno.ENOSPC, "No space")), "no room left on the disk of "),
        (RuntimeError(f"I/O error: {os.strerror(errno.ENOSPC)} (os error 28)"), "no room left on the disk of "),
        (OSError(errno.EMFILE, "Too many open files", "/x"), "too many open files; allow more (ulimit -n)"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "too many processes"),
        (RuntimeError("can't start new thread"), "no thread can be started; allow more threads (ulimit -u)"),
        (RuntimeError(f"Failed to launch: {os.strerror(errno.EAGAIN)}"), "no thread can be started; allow more"),
        (MemoryError(), "too little memory; end other programs"),
    ],
)
def test_a_shortage_is_said_with_its_remedy(error: BaseException, said: str) -> None:
    assert shortage.shortage(error).startswith(said)
    with pytest.raises(CannotGoOn), shortage.told():
        raise error


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOENT, "No such file"), OSError("8 requested and 0 written"), ValueError("no"), KeyError(1)],
)
def test_a_fault_is_none(error: Exception) -> None:
    assert shortage.shortage(error) == ""
    with pytest.raises(type(error)), shortage.told():
        raise error


def test_what_numpy_could_not_write_is_a_full_disk_where_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortage, "is_full", lambda folder: True)
    error = OSError("100000 requested and 25584 written")
    assert shortage.no_room(error, Path("/scratch")) == f"{shortage.NO_ROOM} /scratch"


def test_an_error_that_is_one_line_already_stays() -> None:
    with pytest.raises(DataError), shortage.told():
        raise DataError("a.csv: cannot be read") from OSError(errno.ENOSPC, "No space")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_disk_that_is_really_full() -> None:
    with (
        pytest.raises(CannotGoOn, match="no room left on the disk of"),
        shortage.told(),
        Path("/dev/full").open("w") as file,
    ):
        file.write("x" * 10_000)
