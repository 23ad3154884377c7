"""One finished run that the tests of all commands read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Called, write_ratings


@dataclass(frozen=True)
class Finished:
    """A finished run: where its files are, and what its database is called."""

    folder: Path
    url: str


@pytest.fixture(scope="session")
def finished(call: Callable[..., Called], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Fourteen trials on forty users, two fitted models kept."""
    folder = tmp_path_factory.mktemp("finished")
    write_ratings(folder)
    arguments = (
        "run --task recommend --data ratings.csv --trials 14 --keep 2 --workers 1 --name first --split user-random"
    )
    arguments += " --models popular,item-knn,pure-svd,ease,als"
    assert call(folder, *arguments.split()).code == 0
    return Finished(folder, f"sqlite:///{folder}/workbench.db")
