"""What a signal does, and when."""

from __future__ import annotations

import signal

import pytest

from workbench.errors import Interrupted
from workbench.interrupts import Interrupts


def test_a_signal_waits_for_the_next_check_but_where_it_is_to_count_at_once() -> None:
    interrupts = Interrupts()
    with interrupts.watching():
        signal.raise_signal(signal.SIGINT)
        assert interrupts() and interrupts.exit_code == 130
        with pytest.raises(Interrupted), interrupts.at_once():
            pytest.fail("there was a signal before")
    interrupts, reached = Interrupts(), []
    with interrupts.watching():
        with pytest.raises(Interrupted) as error, interrupts.at_once():
            signal.raise_signal(signal.SIGTERM)
            reached.append("the rest")
        assert error.value.exit_code == interrupts.exit_code == 143 and not reached
    interrupts = Interrupts()
    with interrupts.watching(), pytest.raises(Interrupted), interrupts.at_once():
        try:
            signal.raise_signal(signal.SIGTERM)
        except Interrupted:
            raise TypeError("a library's error over ours") from None
    interrupts = Interrupts()
    with interrupts.watching():
        with interrupts.at_once():
            pass
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted):
            interrupts.check()
