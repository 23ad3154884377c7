"""A run folder with real data, questions about the models of `workbench_faulty`, and pools of real workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.execution.pool import Pool
from workbench.execution.work import Setup
from workbench.folders import run_folder
from workbench.parts import write_parts
from workbench_recommend.task import Recommend

FAULTY = Path(__file__).parent.parent / "third_party" / "faulty"


@pytest.fixture(scope="session")
def faulty() -> Iterator[Path]:
    """Has `workbench_faulty` installed in every process that is started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FAULTY), prepend=os.pathsep)
        yield FAULTY


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """The folder of a run, with its parts."""
    with run_folder() as path:
        task = Recommend()
        dataset = task.read(task.example(1), {})
        write_parts(path, dataset.encoding, task.split(dataset, None, 0))
        yield path


@pytest.fixture(scope="session")
def setup(folder: Path, faulty: Path) -> Setup:
    """What the workers of that run are told."""
    return Setup(str(folder), "workbench_recommend.task:Recommend", threads=1, device="cpu")


@pytest.fixture
def make_pool(setup: Setup) -> Iterator[Callable[..., Pool]]:
    """Makes pools, one worker each unless told otherwise, and closes them at the end of the test."""
    made: list[Pool] = []

    def make(size: int = 1, **limits: Any) -> Pool:
        made.append(Pool(setup, size, **{"grace": 1.0, **limits}))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


@pytest.fixture(scope="module")
def pool(setup: Setup) -> Iterator[Pool]:
    """One worker for all tests of a file, as a run has it: each fault meets what the last one left."""
    with Pool(setup, 1, grace=1.0) as opened:
        yield opened
