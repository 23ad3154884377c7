"""What data is called: equal data is stored once, under its first name, and each run has its own name for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.store import schema


def called(settings: Any, stored: str) -> str:
    """What a run calls its data: the name of the file that it was given, else the name that is stored.

    Args:
        settings: of the run; its paths hold from anywhere, and what is no such path was a table or the sample.
        stored: the first name of the data.
    """
    given = settings.get("data") if isinstance(settings, Mapping) else None
    path = PurePath(given) if isinstance(given, str) else None
    return path.name if path is not None and path.is_absolute() and path.name else stored


def called_by_runs(connection: Connection, runs: list[int]) -> dict[int, str]:
    """Run -> what it calls its data."""
    return {
        row.id: called(row.settings, row.name) for row in connection.execute(_names().where(schema.run.c.id.in_(runs)))
    }


def called_on_boards(connection: Connection) -> dict[int, list[str]]:
    """Board -> what its runs call their data, the last run's name first."""
    names: dict[int, list[str]] = {}
    for row in connection.execute(_names().order_by(schema.run.c.id.desc())):
        names.setdefault(row.board_id, []).append(called(row.settings, row.name))
    return names


def _names() -> sa.Select[Any]:
    run, board, dataset = schema.run, schema.board, schema.dataset
    return (
        sa.select(run.c.id, run.c.board_id, run.c.settings, dataset.c.name)
        .join(board, board.c.id == run.c.board_id)
        .join(dataset, dataset.c.id == board.c.dataset_id)
    )
