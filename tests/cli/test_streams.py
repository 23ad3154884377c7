"""The screen is no part of the work: it may be closed, full, gone or know no more than ASCII."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Finished
from workbench.cli.streams import Sink


def called(command: str, finished: Finished, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell in the folder of a finished run; `wb` stands for the command."""
    given = {**os.environ, **environment, "wb": f"{sys.executable} -m workbench"}
    return subprocess.run(["bash", "-c", command], cwd=finished.folder, env=given, capture_output=True, timeout=120)


def test_a_sink_takes_everything_and_keeps_the_first_fault() -> None:
    reader, writer = os.pipe()
    sink = Sink(writer)
    stream = io.TextIOWrapper(io.BufferedWriter(sink), encoding="ascii", errors="backslashreplace")
    print("é \udce9", file=stream, flush=True)
    assert os.read(reader, 100) == b"\\xe9 \\udce9\n"
    os.close(reader)
    for _ in range(3):
        print("x" * 100_000, file=stream, flush=True)
    assert sink.fault is not None
    assert sink.fault.errno == errno.EPIPE
    stream.close()
    os.close(writer)


def test_a_full_device_is_a_fault_and_no_exception() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    sink = Sink(descriptor)
    assert sink.write(b"abc") == 3
    assert sink.fault is not None
    assert sink.fault.errno == errno.ENOSPC
    os.close(descriptor)


def test_a_reader_that_goes_away_has_what_it_wanted(finished: Finished) -> None:
    done = called(
        "$wb show 1 --json | true; echo ${PIPESTATUS[0]}; $wb nothing 2>&1 | true; echo ${PIPESTATUS[0]}", finished
    )
    assert (done.stdout, done.stderr) == (b"0\n2\n", b"")


def test_what_cannot_be_printed_on_a_full_device_is_said(finished: Finished) -> None:
    done = called("$wb runs > /dev/full", finished)
    assert (done.returncode, done.stderr) == (2, b"error: standard output: No space left on device\n")
    assert called("$wb runs > /dev/full 2>&1", finished).returncode == 2


def test_ascii_streams_have_replacements_and_whole_json(finished: Finished) -> None:
    table = called("$wb show 1", finished, PYTHONIOENCODING="ascii")
    assert (table.returncode, table.stderr) == (0, b"")
    assert b"\\xb7" in table.stdout
    document = called("$wb show 1 --json", finished, PYTHONIOENCODING="ascii")
    assert document.stdout.isascii()
    assert "·" in json.loads(document.stdout)["split_summary"]


def test_a_run_whose_three_streams_are_closed_is_stored_and_nothing_is_printed_into_it(finished: Finished) -> None:
    options = "--task recommend --data ratings.csv --models item-knn --trials 1 --workers 1"
    url = "sqlite:///closed.db"
    done = called(f"$wb run {options} --db {url} <&- >&- 2>&-; echo $?; $wb db check --db {url}", finished)
    assert (done.stdout, done.stderr) == (b"0\nclosed.db is sound\n", b"")


@pytest.mark.parametrize("stream", ["> /dev/full", "2> /dev/full", "2>&1 | head -n 1"])
def test_a_run_goes_on_without_its_screen(finished: Finished, stream: str, tmp_path: Path) -> None:
    options = "--task recommend --data ratings.csv --models popular --trials 1 --workers 1"
    url = f"sqlite:///{tmp_path}/gone.db"
    done = called(
        f"$wb run {options} --db {url} {stream}; echo ${{PIPESTATUS[0]}}; $wb show 1 --json --db {url}", finished
    )
    code, _, document = done.stdout.partition(b"{")
    assert code.split()[-1] == b"0"
    assert json.loads(b"{" + document)["state"] == "complete"
