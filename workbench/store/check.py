"""Whether a database is sound."""

from __future__ import annotations

import tempfile
from pathlib import Path

import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.store import artifacts, schema
from workbench.store.database import Database


def problems(database: Database) -> list[str]:
    """One line for each thing that is wrong: the file itself, rows that point nowhere, artifacts that do not match."""
    found = []
    with database.read() as connection:
        for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if line != "ok":
                found.append(str(line))
        for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            found.append(f"row {row} of {table} names a row of {parent} that is not there")
        columns = (
            schema.artifact.c.sha256,
            schema.artifact.c.kind,
            schema.artifact.c.path,
            schema.artifact.c.run_id,
        )
        files = connection.execute(sa.select(*columns).order_by(schema.artifact.c.id)).all()
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        for sha256, kind, path, run in files:
            try:
                artifacts.get_file(database, sha256, Path(folder) / "file", f"{kind} file {path} of run {run}")
            except StoreError as error:
                found.append(str(error))
    return found
