"""Deleting runs, and returning the space of what nothing names any more."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import UnknownName, UserError
from workbench.store import schema
from workbench.store.database import Database


@dataclass(frozen=True)
class Swept:
    """What a clean-up removed.

    Args:
        blobs: contents that no artifact named.
        boards: boards and datasets without a run.
        bytes_before: size of the database.
        bytes_after: size of the database then.
    """

    blobs: int
    boards: int
    bytes_before: int
    bytes_after: int


def delete_run(database: Database, number: int) -> int:
    """Delete a run with its trials and artifacts; returns how many trials it had.

    Raises:
        UnknownName: there is no such run.
        UserError: it is running.
    """
    run, trial = schema.run, schema.trial

    def delete(connection: Connection) -> int:
        state = connection.execute(sa.select(run.c.state).where(run.c.id == number)).scalar()
        if state is None:
            raise UnknownName("run", str(number), [], "workbench runs")
        if state == "running":
            raise UserError(f"run {number} is running; end it first")
        trials = connection.execute(
            sa.select(sa.func.count()).where(trial.c.run_id == number, trial.c.model != schema.ENSEMBLE)
        ).scalar_one()
        connection.execute(sa.delete(run).where(run.c.id == number))
        return int(trials)

    return database.write(delete)


def sweep(database: Database) -> Swept:
    """Remove contents, boards and datasets that nothing names, and return the space they took.

    Blobs that are only half written are left alone while a run is going on: it may be writing them.
    """
    blob, artifact, board, run = schema.blob, schema.artifact, schema.board, schema.run

    def remove(connection: Connection) -> tuple[int, int]:
        going = connection.execute(sa.select(run.c.id).where(run.c.state == "running").limit(1)).first() is not None
        named = sa.select(artifact.c.sha256)
        blobs = 0
        if not going:
            blobs = connection.execute(sa.delete(blob).where(blob.c.sha256.not_in(named))).rowcount
        boards = connection.execute(sa.delete(board).where(board.c.id.not_in(sa.select(run.c.board_id)))).rowcount
        used = sa.select(board.c.dataset_id)
        connection.execute(sa.delete(schema.dataset).where(schema.dataset.c.id.not_in(used)))
        return blobs, boards

    before = database.size()
    blobs, boards = database.write(remove)
    database.vacuum()
    return Swept(blobs, boards, before, database.size())
