"""Workers that die, hang or eat too much are replaced; nothing is left of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from tests.execution.asking import answers, ask, describe, question, until, works
from tests.processes import children
from workbench.errors import CannotGoOn
from workbench.execution.child import STDERR_KEPT
from workbench.execution.originals import DATA_CHANGED
from workbench.execution.pool import Pool, check_can_go_on
from workbench.execution.work import Description, Fit, Location, Result, Setup
from workbench.shortage import NO_ROOM


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody has waited for has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("Segfaults", "died of SIGSEGV"),
        ("Exits", "ended without a result (exit code 0)"),
        ("RaisesBeyondExceptions", "ended without a result (exit code 1)"),
        ("ClosesItsPipes", "closed the pipe of its answers"),
    ],
)
def test_a_worker_that_dies_is_a_crash_with_its_last_words_and_is_replaced(
    make_pool: Callable[..., Pool], model: str, reason: str
) -> None:
    pool = make_pool()
    result = ask(pool, question(model))
    assert isinstance(result, Result)
    assert (result.state, result.reason, result.metrics) == ("crashed", reason, {})
    words = {"Segfaults": "about to read nothing", "RaisesBeyondExceptions": "GeneratorExit: last words"}
    assert words.get(model, "last words") in result.traceback
    works(pool)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (question("WritesOnPipes", line="{}\n"), "no object with a kind: {}"),
        (question("WritesOnPipes", line="[" * 60_000 + "\n"), f"nested too deeply: {'[' * 60}..."),
        (question("WritesOnPipes", line="\x1b[31mno JSON\n"), "no JSON: \\x1b[31mno JSON"),
        (question("WritesOnPipes", line="x" * 2**20, times=40), f"longer than 16 MiB: {'x' * 60}..."),
        (question("BreaksItsAnswer", answer='{"kind": "Location", "id": "1"}'), "a Location that nobody has asked for"),
        (question("BreaksItsAnswer", answer='{"kind": "Result", "id": "1", "state": "complete"}'), "a Result that"),
    ],
    ids=["object", "deep", "text", "endless", "other kind", "other trial"],
)
def test_what_a_worker_writes_that_is_no_answer_costs_its_trial_alone(pool: Pool, asked: Fit, said: str) -> None:
    result = ask(pool, asked)
    assert (result.state, result.metrics) == ("crashed", {})
    assert result.reason.startswith(f"wrote on its pipe what is no answer: {said}")
    works(pool)


def test_a_worker_that_writes_nonsense_while_it_is_idle_is_replaced_without_a_word(
    make_pool: Callable[..., Pool],
) -> None:
    pool = make_pool()
    pool.start()
    (worker,) = pool._workers
    assert pool._event(worker, Location("of nobody")) == []
    works(pool)
    assert pool._workers != [worker]


def test_an_owner_that_hears_nothing_makes_workers_wait_and_can_close_all_the_same(
    make_pool: Callable[..., Pool],
) -> None:
    pool = make_pool()
    pool.submit(question("Floods"))
    until(pool._inbox.full)
    threads = pool._workers[0].threads
    pool.close()
    assert not any(thread.is_alive() for thread in threads)


def test_a_fit_that_meets_a_full_disk_says_so_whatever_is_raised_over_it(
    pool: Pool, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.close()
    with monkeypatch.context() as patch:
        patch.setenv("FAULTY_DISK", "full")
        result = ask(pool, question("LacksRoom"))
    assert (result.state, result.reason) == ("failed", f"{NO_ROOM} {Path(setup.folder).parent}")
    assert "RuntimeError: cannot go on" in result.traceback
    pool.close()


def test_a_worker_that_dies_while_the_disk_is_full_has_met_a_full_disk(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.execution.pool.is_full", lambda folder: True)
    result = ask(pool, question("Exits"))
    assert result.state == "failed" and result.reason.startswith(NO_ROOM)


def test_a_model_that_changes_the_data_is_seen_before_anybody_reads_it(
    make_pool: Callable[..., Pool], setup: Setup, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(setup.folder, tmp_path / "run"))
    with Pool(replace(setup, folder=str(folder)), 1) as pool:
        pool.protect(folder / "parts")
        works(pool)
        assert {path.stat().st_mode & 0o777 for path in folder.glob("parts/**/*.npy")} == {0o444}
        result = ask(pool, question("TruncatesTheData"))
        assert result.state == "failed" and result.reason.startswith(f"{DATA_CHANGED}: parts/")
        with pytest.raises(CannotGoOn, match=DATA_CHANGED):
            check_can_go_on([result])


@pytest.mark.parametrize("left", ["a file", "nothing"])
def test_a_worker_cannot_be_started_where_a_model_has_removed_the_run_s_folder(
    setup: Setup, tmp_path: Path, left: str
) -> None:
    if left == "a file":
        tmp_path.joinpath("temporary").touch()
    folder = tmp_path if left == "a file" else tmp_path / "gone"
    with Pool(replace(setup, folder=str(folder)), 1) as pool, pytest.raises(CannotGoOn, match=DATA_CHANGED):
        pool.start()


def test_the_last_words_are_capped_and_can_be_printed(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool()
    result = ask(pool, question("Chatters", dies=True))
    assert (result.state, result.reason) == ("crashed", "ended without a result (exit code 3)")
    assert result.traceback.endswith("the last words\n")
    assert len(result.traceback) <= 4 * STDERR_KEPT
    assert all(letter in "\n\t" or letter.isprintable() for letter in result.traceback)
    assert "\\x1b[31m" in result.traceback and "\\x00" in result.traceback
    works(pool)


def test_a_worker_that_is_killed_amid_a_fit_is_a_crash_with_the_signal(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    pool, mark = make_pool(), tmp_path / "pid"
    pool.submit(question("Waits", mark=str(mark)))
    until(mark.exists)
    os.kill(int(mark.read_text()), signal.SIGKILL)
    (result,), _ = answers(pool)
    assert (result.state, result.reason) == ("crashed", "died of SIGKILL")
    works(pool)


def test_a_worker_that_died_idle_is_replaced_without_a_word(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool()
    works(pool)
    (worker,) = pool._workers
    worker.process.kill()
    worker.process.wait()
    works(pool)


def test_a_child_that_holds_the_pipes_does_not_keep_a_crash_from_being_seen(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    pool, mark = make_pool(), tmp_path / "pid"
    result = ask(pool, question("DiesWithAForkLeft", mark=str(mark)))
    assert (result.state, result.reason) == ("crashed", "died of SIGSEGV")
    until(lambda: gone(int(mark.read_text())))
    works(pool)


@pytest.mark.parametrize("model", ["Hangs", "HoldsTheInterpreter", "Waits", "ExitsPolitely"])
def test_a_fit_that_does_not_end_is_stopped_at_its_deadline(make_pool: Callable[..., Pool], model: str) -> None:
    pool = make_pool(grace=0.3)
    works(pool)
    result = ask(pool, question(model), seconds=0.5)
    assert (result.state, result.reason) == ("timeout", "stopped at its deadline")
    works(pool)


def test_the_polite_request_comes_first_and_the_kill_after_the_grace(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(grace=30.0)
    works(pool)
    result = ask(pool, question("FinishesLate"), seconds=0.5)
    assert result.state == "complete"  # what was finished within the grace is not thrown away
    works(pool)
    assert len(children()) == 1


def test_a_description_that_does_not_end_is_stopped(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(grace=0.3)
    described = ask(pool, describe("Good"), seconds=-1.0)
    assert isinstance(described, Description)
    assert described.error == "its worker stopped at its deadline"


def test_a_worker_beyond_its_memory_is_stopped_and_the_next_trial_runs(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(memory=400 * 2**20)
    result = ask(pool, question("Allocates"))
    assert result.state == "memory"
    assert result.reason.endswith(", the limit is 400 MiB") and result.reason.startswith("used ")
    assert 400 * 2**20 < result.peak_memory_bytes < 1500 * 2**20
    assert works(pool).peak_memory_bytes < 400 * 2**20


def test_a_grandchild_that_sleeps_does_not_outlive_the_pool(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool, mark = make_pool(), tmp_path / "pid"
    assert ask(pool, question("LeavesGrandchild", mark=str(mark))).state == "complete"
    works(pool)
    pool.close()
    until(lambda: gone(int(mark.read_text())))
    assert children() == []


def test_what_left_the_session_does_not_outlive_the_pool(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool, mark = make_pool(), tmp_path / "pid"
    assert ask(pool, question("LeavesItInASession", mark=str(mark))).state == "complete"
    works(pool)
    pool.close()
    until(lambda: gone(int(mark.read_text())))


def test_what_left_the_session_does_not_outlive_a_worker_that_dies(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    pool, mark = make_pool(), tmp_path / "pid"
    assert ask(pool, question("DiesAndLeavesItInASession", mark=str(mark))).state == "crashed"
    until(lambda: gone(int(mark.read_text())))
    works(pool)


def test_temporary_files_are_in_the_runs_folder_and_go_with_it(
    make_pool: Callable[..., Pool], setup: Setup, tmp_path: Path
) -> None:
    pool, mark = make_pool(), tmp_path / "path"
    assert ask(pool, question("LeavesTemporaryFiles", mark=str(mark))).state == "complete"
    assert Path(mark.read_text()).is_relative_to(setup.folder)


def test_a_grandchild_does_not_outlive_a_worker_that_is_stopped(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool, mark = make_pool(grace=0.3), tmp_path / "pid"
    works(pool)
    result = ask(pool, question("LeavesGrandchildAndHangs", mark=str(mark)), seconds=1.0)
    assert result.state == "timeout"
    until(lambda: gone(int(mark.read_text())))
    works(pool)


def test_cancelling_answers_every_question_and_the_pool_goes_on(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool = make_pool(2, grace=0.3)
    marks = [tmp_path / "0", tmp_path / "1"]
    for mark in marks:
        pool.submit(question("Waits", mark=str(mark)))
    assert (pool.busy, pool.idle) == (2, 0)
    until(lambda: all(mark.exists() for mark in marks))
    pool.cancel("the run was interrupted")
    results, _ = answers(pool, 2)
    assert [(result.state, result.reason) for result in results] == [("cancelled", "the run was interrupted")] * 2
    assert (pool.busy, pool.idle) == (0, 2)
    works(pool)


def test_two_workers_answer_at_once_and_one_that_dies_leaves_the_other_alone(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    pool, mark = make_pool(2), tmp_path / "pid"
    pool.start()
    assert len(children()) == 2
    waiting = question("Waits", mark=str(mark))
    pool.submit(waiting)
    until(mark.exists)
    assert ask(pool, question("Segfaults")).state == "crashed"
    works(pool)
    assert not gone(int(mark.read_text()))
    os.kill(int(mark.read_text()), signal.SIGTERM)
    (result,), _ = answers(pool)
    assert (result.id, result.reason) == (waiting.id, "died of SIGTERM")


def test_ctrl_c_is_not_the_business_of_workers(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool, mark = make_pool(), tmp_path / "pid"
    pool.submit(question("Waits", mark=str(mark)))
    until(mark.exists)
    worker = psutil.Process(int(mark.read_text()))
    worker.send_signal(signal.SIGINT)
    assert pool.events(0.5) == []
    assert worker.is_running()
    assert os.getsid(worker.pid) == worker.pid != os.getsid(0)


def test_closing_a_pool_ends_workers_that_are_busy_and_waits_for_them(
    make_pool: Callable[..., Pool], tmp_path: Path
) -> None:
    pool, mark = make_pool(), tmp_path / "pid"
    pool.submit(question("Hangs"))
    pool.close()
    assert children() == []
    pool.submit(question("Waits", mark=str(mark)))  # a closed pool starts afresh
    until(mark.exists)
    pool.close()
    assert children() == []


def test_waiting_for_nothing_returns_at_once_and_for_something_after_its_time(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool()
    assert pool.events(60.0) == []
    pool.submit(question("Waits"))
    assert pool.events(0.1) == []


def test_many_faults_leave_no_process_and_no_open_file(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool()
    works(pool)
    before = psutil.Process().num_fds()
    for _ in range(4):
        assert ask(pool, question("Exits", code=5)).reason.endswith("(exit code 5)")
    works(pool)
    assert len(children()) == 1
    assert psutil.Process().num_fds() <= before + 3


OWNER = """
import json, sys, time
from tests.execution.asking import question
from workbench.execution.pool import Pool
from workbench.execution.work import Setup

pool = Pool(Setup(**json.loads(sys.argv[1])), 2)
for mark in sys.argv[2:]:
    pool.submit(question("Waits" if mark.endswith("0") else "HoldsTheInterpreter", mark=mark))
time.sleep(600)
"""


def test_killing_the_owner_kills_its_workers_whatever_they_do(setup: Setup, tmp_path: Path) -> None:
    marks = [tmp_path / "0", tmp_path / "1"]
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), json.dumps(asdict(setup)), *map(str, marks)],
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )
    try:
        until(lambda: all(mark.exists() for mark in marks) or owner.poll() is not None)
        assert owner.poll() is None
        pids = [int(mark.read_text()) for mark in marks]
        assert not any(map(gone, pids))
    finally:
        owner.kill()
        owner.wait()
    for pid in pids:
        until(lambda pid=pid: gone(pid))


def test_a_deadline_is_kept_by_a_clock_that_cannot_be_set(
    make_pool: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make_pool(grace=0.3)
    pool.submit(question("Waits"), time.monotonic() + 2.0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert pool.events(0.2) == []
    (result,), _ = answers(pool)
    assert result.state == "timeout"
