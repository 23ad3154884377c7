"""Putting rows into tables, inside a transaction of someone else."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.store import schema
from workbench.store.lease import owner_columns
from workbench.store.rows import Measured, ModelRow, RunRow


def now() -> datetime:
    """UTC, without a zone, as the tables keep times."""
    return datetime.now(UTC).replace(tzinfo=None)


def session_columns(row: RunRow) -> dict[str, Any]:
    """The columns of a run that each of its sessions sets anew."""
    return {
        "state": "running",
        "settings": clean(dict(row.settings)),
        "versions": dict(row.versions),
        "budget_seconds": row.budget_seconds,
        **owner_columns(),
    }


def put_models(connection: Connection, run: int, models: Sequence[ModelRow]) -> None:
    """Replace what is known of these models in a run."""
    table = schema.run_model
    connection.execute(sa.delete(table).where(table.c.run_id == run, table.c.model.in_([row.model for row in models])))
    for model in models:
        values = {key: clean(value) for key, value in vars(model).items()}
        connection.execute(sa.insert(table).values(run_id=run, **values))


def end_trial(
    connection: Connection,
    key: int,
    values: Mapping[str, Any],
    valid: Measured,
    reports: Sequence[tuple[int, float]],
) -> None:
    """Complete a trial's row, with its metrics on valid and its reports."""
    connection.execute(sa.update(schema.trial).where(schema.trial.c.id == key).values(**values, finished_at=now()))
    put_metrics(connection, key, "valid", valid)
    rows = [{"trial_id": key, "step": step, "value": value} for step, value in dict(reports).items()]
    if rows:
        connection.execute(sa.insert(schema.trial_report), rows)


def board_of(connection: Connection, row: RunRow) -> int:
    """The id of a run's board, which is made with its dataset where there is none."""
    dataset = _find_or_insert(
        connection,
        schema.dataset,
        {"task": row.task, "fingerprint": row.fingerprint},
        {"name": clean(row.dataset), "facts": clean(dict(row.facts))},
    )
    key = {"dataset_id": dataset, "task": row.task, "split": row.split, "metric": row.metric}
    return _find_or_insert(connection, schema.board, key, {"direction": row.direction})


def _find_or_insert(connection: Connection, table: sa.Table, key: Mapping[str, Any], rest: Mapping[str, Any]) -> int:
    """The id of the row with this key; the transaction is exclusive, so none can come between."""
    where = [table.c[name] == value for name, value in key.items()]
    found = connection.execute(sa.select(table.c.id).where(*where)).scalar()
    return insert(connection, table, {**key, **rest}) if found is None else int(found)


def insert(connection: Connection, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert a row; returns its id."""
    key = connection.execute(sa.insert(table).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def put_metrics(connection: Connection, trial: int, part: str, measured: Measured) -> None:
    """A trial's metrics on a part."""
    rows = [
        {
            "trial_id": trial,
            "part": part,
            "position": position,
            "name": clean(name),
            "value": value,
            "low": clean(low),
            "high": clean(high),
        }
        for position, (name, (value, low, high)) in enumerate(measured.items(), 1)
    ]
    if rows:
        connection.execute(sa.insert(schema.trial_metric), rows)


def put_listed(connection: Connection, table: sa.Table, trial: int, listed: Sequence[Mapping[str, Any]]) -> None:
    """What a trial has several of, in order: groups or mistakes, in the place of those that were there."""
    connection.execute(sa.delete(table).where(table.c.trial_id == trial))
    rows = [
        {"trial_id": trial, "position": position, **{key: clean(value) for key, value in each.items()}}
        for position, each in enumerate(listed, 1)
    ]
    if rows:
        connection.execute(sa.insert(table), rows)


def indexed(value: Any) -> dict[str, Any]:
    """A hyperparameter as a number where it is one that a database has, and as text."""
    number = None
    with contextlib.suppress(OverflowError):  # what is beyond 1.8e308 is text alone
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return {"number": clean(number), "text": clean(value if isinstance(value, str) else str(value))}


def clean(value: Any) -> Any:
    """Without NUL characters, lone surrogates and numbers that are none, which not every database takes."""
    match value:
        case str():
            return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {clean(key): clean(inner) for key, inner in value.items()}
        case list() | tuple():
            return [clean(inner) for inner in value]
    return value
