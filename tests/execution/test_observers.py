"""Observers hear of a run in processes of their own, and nothing that they do there is the run's concern."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.processes import children
from workbench.contract.records import RunRecord, TrialRecord
from workbench.discovery import discover
from workbench.execution import observers as module
from workbench.execution.observers import Observers

RUN = RunRecord(7, "w.db", "recommend", "d", "f" * 64, "user-time", "m", True, "mine", {"trials": 2}, 60.0)
ENOUGH = 60.0
"""Seconds that no good observer needs, however slow the machine."""

KEEPS = """
import json, os, pathlib, signal, subprocess, sys, time
HERE = pathlib.Path(__file__).parent
def keep(text):
    with (HERE / f"{__name__}.txt").open("a") as file:
        file.write(f"{text}\\n")
"""
HANGS = """
@hookimpl
def workbench_trial_finished():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    keep(os.getpid())
    keep(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
    time.sleep(600)
"""


def trial(number: int) -> TrialRecord:
    return TrialRecord(f"{number:032x}", number, "ease", "acme", {"l2": 0.5}, 3, "complete", valid={"m": 0.25})


@pytest.fixture
def observing(install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Observers, Path]]:
    """Makes observers of plugins' code; and where each keeps what it has to say, in `<name>.txt`."""

    def make(**plugins: str) -> tuple[Observers, Path]:
        for name, code in plugins.items():
            site = install(name, KEEPS + code)
        monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
        return Observers(discover()), site

    return make


def kept(site: Path, name: str) -> list[str]:
    path = site / f"{name}.txt"
    return path.read_text().splitlines() if path.exists() else []


def wait_for(site: Path, name: str, lines: int) -> list[str]:
    deadline = time.monotonic() + ENOUGH
    while len(kept(site, name)) < lines and time.monotonic() < deadline:
        time.sleep(0.02)
    return kept(site, name)


def test_each_hears_all_it_asked_for_in_order_and_whole(observing: Callable[..., tuple[Observers, Path]]) -> None:
    told, site = observing(
        both="""
@hookimpl
def workbench_trial_finished(run, trial):
    print("not to be seen")
    keep(f"{run!r} {trial!r}")
@hookimpl
def workbench_run_finished(run):
    keep(repr(run))
    keep(f"{os.getcwd()} {os.getpid() == os.getsid(0)}")
""",
        end="@hookimpl\ndef workbench_run_finished(): keep('the end')",
        models="@hookimpl\ndef workbench_models(): return []",
    )
    end = RunRecord(**{**vars(RUN), "state": "complete", "finalists": (trial(1),)})
    told.trial_finished(RUN, trial(1))
    told.trial_finished(RUN, trial(2))
    told.run_finished(end)
    assert told.close(ENOUGH) == []
    assert kept(site, "both") == [f"{RUN!r} {trial(1)!r}", f"{RUN!r} {trial(2)!r}", repr(end), f"{Path.cwd()} True"]
    assert kept(site, "end") == ["the end"]
    assert children() == []


def test_without_observers_there_is_no_process(observing: Callable[..., tuple[Observers, Path]]) -> None:
    told, _ = observing(models="@hookimpl\ndef workbench_models(): return []")
    told.trial_finished(RUN, trial(1))
    assert children() == []
    assert told.close(0.0) == []


def test_one_that_raises_fails_call_by_call_and_says_why_once(
    observing: Callable[..., tuple[Observers, Path]],
) -> None:
    told, site = observing(
        bad="""
@hookimpl
def workbench_trial_finished(trial):
    if trial.number == 2:
        sys.exit("no\\nmore")
    if trial.number == 3:
        raise ValueError
    keep(trial.number)
"""
    )
    for number in range(1, 5):
        told.trial_finished(RUN, trial(number))
    assert told.close(ENOUGH) == ["observer bad of bad 1.0: 2 of 4 calls failed, the first with SystemExit: no"]
    assert kept(site, "bad") == ["1", "4"]


def test_one_that_hangs_is_killed_with_what_it_started_and_the_others_are_told(
    observing: Callable[..., tuple[Observers, Path]],
) -> None:
    told, site = observing(good="@hookimpl\ndef workbench_trial_finished(trial): keep(trial.number)", hangs=HANGS)
    told.trial_finished(RUN, trial(1))
    told.trial_finished(RUN, trial(2))
    wait_for(site, "good", 2)
    processes = [psutil.Process(int(pid)) for pid in wait_for(site, "hangs", 2)]
    assert told.close(0.2) == ["observer hangs of hangs 1.0: 2 of 2 records were not taken before it was stopped"]
    assert kept(site, "good") == ["1", "2"]
    _, alive = psutil.wait_procs(processes, ENOUGH)
    assert alive == []


@pytest.mark.parametrize(
    ("code", "note"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "2 of 3 records were not taken before it died of SIGKILL"),
        (
            "print('last words'); sys.stdout.flush(); os._exit(3)",
            "2 of 3 records were not taken before it ended (exit code 3): last words",
        ),
    ],
)
def test_one_that_dies_is_not_started_again(
    observing: Callable[..., tuple[Observers, Path]], code: str, note: str
) -> None:
    told, site = observing(
        dies=f"""
@hookimpl
def workbench_trial_finished(trial):
    keep(trial.number)
    if trial.number == 2: {code}
"""
    )
    for number in range(1, 4):
        told.trial_finished(RUN, trial(number))
    assert told.close(ENOUGH) == [f"observer dies of dies 1.0: {note}"]
    assert kept(site, "dies") == ["1", "2"]


def test_a_full_queue_drops_trials_and_never_the_end(
    observing: Callable[..., tuple[Observers, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_LENGTH", 2)
    told, site = observing(
        slow="""
@hookimpl
def workbench_trial_finished(trial):
    keep(trial.number)
    while not (HERE / "go").exists(): time.sleep(0.02)
@hookimpl
def workbench_run_finished(run): keep("the end")
"""
    )
    told.trial_finished(RUN, trial(1))
    wait_for(site, "slow", 1)
    large = TrialRecord(**{**vars(trial(2)), "note": "x" * 2**18})  # more than a pipe holds
    for _ in range(20):
        told.trial_finished(RUN, large)
    told.run_finished(RUN)
    (site / "go").touch()
    (note,) = told.close(ENOUGH)
    heard = kept(site, "slow")
    dropped = 20 - heard.count("2")
    assert 17 <= dropped <= 19
    assert note == f"observer slow of slow 1.0: {dropped} records were dropped, since 2 were waiting"
    assert (heard[0], heard[-1]) == ("1", "the end")


def test_one_that_cannot_be_started_is_a_note(
    observing: Callable[..., tuple[Observers, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, _ = observing(acme="@hookimpl\ndef workbench_trial_finished(): pass")

    def refuse(*arguments: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(module.child, "start", refuse)
    told.trial_finished(RUN, trial(1))
    told.run_finished(RUN)
    (note,) = told.close(ENOUGH)
    assert note.startswith("observer acme of acme 1.0: its process could not be started: ")
    assert "temporarily unavailable" in note


def test_it_hears_nothing_of_ctrl_c(observing: Callable[..., tuple[Observers, Path]]) -> None:
    told, site = observing(
        acme="""
@hookimpl
def workbench_trial_finished(trial):
    os.kill(os.getpid(), signal.SIGINT)
    keep(json.dumps(signal.getsignal(signal.SIGINT) == signal.SIG_IGN))
"""
    )
    told.trial_finished(RUN, trial(1))
    assert told.close(ENOUGH) == []
    assert [json.loads(line) for line in kept(site, "acme")] == [True]
