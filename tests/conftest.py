"""Fixtures that every test may use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "examples/samples/workbench_samples/ml-latest-small/ratings.csv"


@dataclass(frozen=True)
class Called:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def workbench(tmp_path: Path) -> Callable[..., Called]:
    """Calls the command `workbench` as a user would: another process, in an empty folder."""

    def call(*arguments: str | Path, env: dict[str, str] | None = None, timeout: float = 120) -> Called:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
        done = subprocess.run(
            [sys.executable, "-m", "workbench", *map(str, arguments)],
            cwd=tmp_path,
            env={**environment, **(env or {})},
            capture_output=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        return Called(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """A small ratings file: 40 users, 30 items, with times."""
    import pyarrow.csv as pc
    from workbench_recommend.task import made_up_ratings

    path = tmp_path / "ratings.csv"
    pc.write_csv(made_up_ratings(seed=1, users=40, items=30), path)
    return path
