"""Whose something is: processes are told apart, and the wall clock has no say."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from workbench.owner import Owner, process_started


def test_this_process_lives_and_is_the_same_each_time() -> None:
    assert Owner.here() == Owner.here()
    assert Owner.here().alive is True


def test_a_process_that_was_killed_is_gone_even_while_its_parent_has_not_asked() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(Owner.here(), process=process.pid, started=process_started(process.pid) or 0.0)
    assert owner.alive is True
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert owner.alive is False
    process.communicate()
    assert owner.alive is False


def test_the_same_number_with_another_start_is_another_process() -> None:
    here = Owner.here()
    assert replace(here, started=here.started - 1).alive is False


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"boot": "another"}])
def test_of_another_machine_or_another_boot_nothing_is_known(change: dict[str, str]) -> None:
    assert replace(Owner.here(), **change).alive is None


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_wall_clock_that_is_set_changes_nobody(monkeypatch: pytest.MonkeyPatch, jump: int) -> None:
    before, real = Owner.here(), time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    assert Owner.here() == before
    assert before.alive is True
