"""What a process has for itself, and that it can be had back."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from workbench.execution.memory import give_back_memory, machine_memory, private_memory

MIB = 2**20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other allocators keep what they keep")
def test_freed_memory_is_given_back() -> None:
    # Blocks too small to be mapped one by one, with one that stays above them.
    blocks = [np.ones(12_000) for _ in range(1_000)]
    last = blocks.pop()
    full = private_memory(os.getpid())
    del blocks
    give_back_memory()
    assert private_memory(os.getpid()) < full - 60 * MIB
    assert last.sum() == 12_000


def test_private_memory_is_what_a_process_has_for_itself() -> None:
    assert 2**20 < private_memory(os.getpid()) < machine_memory() + 2**40
