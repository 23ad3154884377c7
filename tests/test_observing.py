"""What observers have at the end of a run."""

from __future__ import annotations

import math
import time

import pytest

from workbench.observing import DRAIN_SECONDS, seconds_to_drain
from workbench.search.budget import Budget


@pytest.mark.parametrize(
    ("seconds", "elapsed", "most"),
    [(math.inf, 100.0, DRAIN_SECONDS), (600.0, 100.0, DRAIN_SECONDS), (60.0, 58.0, 1.0), (60.0, 61.0, 0.0)],
)
def test_they_have_half_of_what_is_left_and_never_long(seconds: float, elapsed: float, most: float) -> None:
    found = seconds_to_drain(Budget(seconds, time.monotonic() - elapsed))
    assert 0.0 <= found <= most
    assert found > 0.0 or most < DRAIN_SECONDS
