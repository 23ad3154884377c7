"""Processes that tests have started."""

from __future__ import annotations

import contextlib

import psutil


def children() -> list[psutil.Process]:
    """What this process has started, and what that has, less the warm process of the fixture `workbench`."""
    mine = psutil.Process().children()
    found = [each for child in mine if not _is_warm(child) for each in (child, *_below(child))]
    return [each for each in found if _runs(each)]


def _below(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return list(process.children(recursive=True))
    return []


def _is_warm(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "tests.warm" in process.cmdline()
    return False


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
