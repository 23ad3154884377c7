"""Stored models that answer: whose fault it is where they cannot."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from workbench.contract.model import Model
from workbench.contract.task import Answer, Task
from workbench.errors import CannotGoOn, PluginError, WorkbenchError
from workbench.serving import Served
from workbench.settings import RunSettings


class Failing(Task[object]):
    """A task that cannot answer."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def answer(self, model: Model, encoding: Any, query: Any) -> Answer:
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), CannotGoOn, "^no room left on the disk of .*TMPDIR"),
        (OSError(errno.EMFILE, "Too many open files"), CannotGoOn, "^too many open files"),
        (ValueError("odd shape"), PluginError, "^trial c803: its model ease cannot answer.*ValueError: odd shape"),
    ],
)
def test_a_full_disk_is_not_blamed_on_the_model(
    error: Exception, kind: type[WorkbenchError], said: str, tmp_path: Path
) -> None:
    served = Served("c803", "ease", Failing(error), Model(), None, RunSettings("any"))
    with pytest.raises(kind, match=said):
        served.answer({"input": tmp_path / "new.csv"})
