"""Databases and rows for the tests of the store."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.store.server import Server, lacking
from workbench.store.database import Database
from workbench.store.rows import ModelRow, RunRow, TrialRow
from workbench.store.writer import RunWriter


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a fresh database; to be copied, not written."""
    path = tmp_path_factory.mktemp("store") / "workbench.db"
    Database(f"sqlite:///{path}", create=True).close()
    return path


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Iterator[Database]:
    """An open, empty database of this version's schema."""
    path = tmp_path / "workbench.db"
    shutil.copy(empty_database, path)
    opened = Database(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server with database `filled`, which has the schema and is to be copied, not written."""
    if reason := lacking():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    started = Server()
    try:
        started.execute("CREATE DATABASE filled")
        Database(started.url("filled"), create=True).close()
        yield started
    finally:
        started.remove()


@pytest.fixture
def run_row() -> RunRow:
    """What is known when a run begins."""
    return RunRow(
        task="recommend",
        plugin="automl-workbench",
        version="0.1.0",
        dataset="ratings.csv",
        fingerprint="f" * 64,
        facts={"headline": "200 interactions"},
        split="per user by time",
        metric="ndcg@10",
        direction="maximize",
        name="",
        settings={"seed": 0},
        versions={"numpy": "2"},
        split_summary="per user by time",
        leakage=(),
        baseline="popular",
        budget_seconds=60.0,
    )


def begin(database: Database, row: RunRow, models: Sequence[ModelRow], seconds: float = 0.0) -> RunWriter:
    """A run that has begun and has taken so many seconds."""
    return RunWriter.begin(database, row, models, lambda: seconds)


@pytest.fixture
def writer(database: Database, run_row: RunRow) -> Iterator[RunWriter]:
    """A run that has begun, has taken three seconds, and is held by this process."""
    begun = begin(database, run_row, [ModelRow("popular", "automl-workbench", "1", "searched")], 3.0)
    with begun.lease.held():
        yield begun


@pytest.fixture
def start_trial(writer: RunWriter) -> Callable[..., str]:
    """Starts a trial of the run; returns its id."""
    numbers = count(1)

    def start(id: str | None = None, **values: Any) -> str:
        row = {
            "uuid": id or uuid.uuid4().hex,
            "number": next(numbers),
            "model": "popular",
            "plugin": "automl-workbench",
            "params": {},
            "seed": 0,
            "threads": 1,
            "device": "cpu",
        }
        started = TrialRow(**{**row, **values})
        writer.trial_started(started)
        return started.uuid

    return start


@pytest.fixture
def score_trial(writer: RunWriter, start_trial: Callable[..., str]) -> Callable[..., str]:
    """Starts a trial and completes it with an objective; returns its id."""

    def score(objective: float | None, draws: int = 1, state: str = "complete", id: str | None = None) -> str:
        trial = start_trial(id)
        measured = {} if objective is None else {"ndcg@10": (objective, None, None)}
        writer.trial_ended(trial, {"state": state, "objective": objective, "draws": draws}, measured)
        return trial

    return score
