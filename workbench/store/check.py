"""Whether a database is sound."""

from __future__ import annotations

import tempfile
from pathlib import Path

from workbench.errors import StoreError
from workbench.store import artifacts
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
    return found + damaged_artifacts(database)


def damaged_artifacts(database: Database) -> list[str]:
    """One line for each stored file whose content is not what its hash says."""
    found = []
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        for row in artifacts.listing(database):
            name = f"{row['kind']} file {row['path']} of run {row['run']}"
            try:
                artifacts.get_file(database, row["sha256"], Path(folder) / "file", name)
            except StoreError as error:
                found.append(str(error))
    return found
