"""One finished run that the tests of all commands read."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.csv as pc
import pytest

from workbench_recommend.task import made_up_ratings


@dataclass(frozen=True)
class Finished:
    """A finished run: where its files are, and what its database is called."""

    folder: Path
    url: str


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Fourteen trials on forty users, two fitted models kept."""
    folder = tmp_path_factory.mktemp("finished")
    pc.write_csv(made_up_ratings(seed=1, users=40, items=30), folder / "ratings.csv")
    arguments = (
        "run --task recommend --data ratings.csv --trials 14 --keep 2 --workers 1 --name first --split user-random"
    )
    arguments += " --models popular,item-knn,pure-svd,ease,als"
    subprocess.run([sys.executable, "-m", "workbench", *arguments.split()], cwd=folder, check=True, capture_output=True)
    return Finished(folder, f"sqlite:///{folder}/workbench.db")
