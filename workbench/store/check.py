"""Whether a database is sound."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Inspector

from workbench.errors import StoreError
from workbench.store import artifacts
from workbench.store.database import Database, rereading
from workbench.store.schema import metadata
from workbench.store.views import VIEWS


@rereading
def problems(database: Database) -> list[str]:
    """One line for each thing that is wrong: what is missing, broken or points nowhere, artifacts that do not match."""
    with database.read() as connection:
        inspector = sa.inspect(connection)
        if missing := list(_missing(inspector)):
            return missing
        found = [*_missing_rules(inspector), *database.backend.damage(connection)]
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


def _missing(inspector: Inspector) -> Iterator[str]:
    """Tables, columns and views that another tool has dropped."""
    there = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in there:
            yield f"table {table.name} is missing"
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        yield from (f"column {table.name}.{column.name} is missing" for column in table.c if column.name not in columns)
    yield from (f"view {name} is missing" for name in sorted(VIEWS.keys() - inspector.get_view_names()))


def _missing_rules(inspector: Inspector) -> Iterator[str]:
    """Constraints and indexes that another tool has dropped."""
    for table in metadata.sorted_tables:
        primary_key = inspector.get_pk_constraint(table.name)["name"]
        rules = (
            *inspector.get_foreign_keys(table.name),
            *inspector.get_check_constraints(table.name),
            *inspector.get_unique_constraints(table.name),
            *inspector.get_indexes(table.name),
        )
        there = {primary_key, *(rule["name"] for rule in rules)}
        wanted = {*(str(rule.name) for rule in table.constraints), *(str(index.name) for index in table.indexes)}
        yield from (f"{name} of table {table.name} is missing" for name in sorted(wanted - there))
