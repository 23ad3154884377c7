"""Deleting runs, and returning the space of what nothing names any more."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import UnknownName
from workbench.store import queries, schema, spool
from workbench.store.database import Database
from workbench.store.lease import DatabaseNow, refuse_if_owned


@dataclass(frozen=True)
class Swept:
    """What a clean-up removed.

    Args:
        blobs: contents that no artifact named.
        boards: boards and datasets without a run.
        bytes_before: size of the file.
        bytes_after: size of the file then.
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

    def delete(connection: Connection) -> tuple[int, str]:
        query = sa.select(run, DatabaseNow().label("now")).where(run.c.id == number)
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownName("run", str(number), [], "workbench runs")
        refuse_if_owned(row, row["now"])
        trials = connection.execute(
            sa.select(sa.func.count()).where(trial.c.run_id == number, trial.c.model != schema.ENSEMBLE)
        ).scalar_one()
        connection.execute(sa.delete(run).where(run.c.id == number))
        return int(trials), row["uuid"]

    trials, uuid = database.write(delete)
    spool.clear(database, uuid)
    return trials


def sweep(database: Database) -> Swept:
    """Remove contents, boards and datasets that nothing names, and give the space back to the file system.

    Blobs that are only half written are left alone while a run is going on: it may be writing them.
    """
    blob, artifact, board, run = schema.blob, schema.artifact, schema.board, schema.run

    def remove(connection: Connection) -> tuple[int, int]:
        going = any(not standing.lost for standing in queries.standings(connection).values())
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
