"""From Python: what the commands do, as functions. Tables are Arrow tables."""

from __future__ import annotations

import contextlib
import os
from time import monotonic as clock
from typing import TYPE_CHECKING, Any

from workbench.main import execute
from workbench.recording import Silent
from workbench.result import RunResult
from workbench.serving import Served
from workbench.serving import load as load_served
from workbench.session import Session
from workbench.session import resume as going_on
from workbench.settings import RunSettings, parse_seconds
from workbench.store import queries
from workbench.store.database import DEFAULT_URL, Database

if TYPE_CHECKING:
    import pyarrow as pa


def run(task: str, data: Any = None, *, db: str | None = None, **settings: Any) -> RunResult:
    """Search for the best model of a task; `workbench run` from Python.

    Args:
        task: its name, such as `"recommend"`.
        data: a path or an Arrow-compatible table; None for the task's sample.
        db: address of the database; `WORKBENCH_DB` or `sqlite:///workbench.db` if None.
        **settings: the fields of `RunSettings`, such as `time="2m"`, `trials=20`, `models="ease,als"`.

    Raises:
        UserError: the input is wrong.
        NoResult: no trial was completed.
    """
    chosen = RunSettings.from_mapping({"task": task, "data": data, **settings})
    return execute(Session(chosen), _address(db), Silent(), started=clock())


def resume(
    run: int,
    data: Any = None,
    *,
    test_data: Any = None,
    time: str | float | None = None,
    trials: int | None = None,
    db: str | None = None,
) -> RunResult:
    """Go on with a run that was interrupted, lost or is finished; `workbench resume` from Python.

    Args:
        run: its number.
        data: needed where the run was given a table, or the file is elsewhere now.
        test_data: the same for its test part.
        time: a new budget from now, such as `"10m"`; None for what is left of the run's own.
        trials: a new bound on the number of trials, those that are there counted in.
        db: address of the database; `WORKBENCH_DB` or `sqlite:///workbench.db` if None.

    Raises:
        UserError: there is no such run, another process owns it, its budget is spent, or the data is not the same.
        NoResult: no trial was completed.
    """
    started, url = clock(), _address(db)
    seconds = None if time is None else parse_seconds(time)
    session = going_on(url, run, time=seconds, trials=trials, data=data, test_data=test_data)
    return execute(session, url, Silent(), started)


def load(trial: str, *, db: str | None = None) -> Served:
    """The fitted model of a trial, which answers in your own ids.

        workbench.load("1fc0").predict(users=["42"], k=10)

    Args:
        trial: its id as leaderboards print it, or the beginning of it.
        db: address of the database; `WORKBENCH_DB` or `sqlite:///workbench.db` if None.

    Raises:
        UserError: there is no such trial, or its model was not kept.
    """
    with contextlib.closing(_open(db)) as database:
        return load_served(database, trial)


def leaderboard(
    *,
    task: str | None = None,
    data: str | None = None,
    run: int | None = None,
    metric: str | None = None,
    top: int | None = 20,
    db: str | None = None,
) -> pa.Table:
    """The trials of a board, ranked, as an Arrow table; the board of the last run that fits.

    Args:
        task: only of this task.
        data: only of the dataset of this name, or whose fingerprint starts so.
        run: only this run's trials.
        metric: only of this metric.
        top: at most so many; None for all.
        db: address of the database; `WORKBENCH_DB` or `sqlite:///workbench.db` if None.

    Raises:
        StoreError: there is no such database.
    """
    import json

    import pyarrow as pa

    with contextlib.closing(_open(db)) as database:
        boards = queries.boards(database, task, data, run, metric)
        rows = queries.leaderboard(database, boards[0]["id"], run, top) if boards else []
    return pa.Table.from_pylist([{**row, "params": json.dumps(row["params"])} for row in rows])


def _open(db: str | None) -> Database:
    return Database(_address(db))


def _address(db: str | None) -> str:
    return db or os.environ.get("WORKBENCH_DB") or DEFAULT_URL
