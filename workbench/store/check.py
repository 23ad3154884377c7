"""Whether a database is sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Inspector

from workbench.errors import StoreError, StoreFailure
from workbench.store import artifacts
from workbench.store.database import Database, rereading
from workbench.store.paths import targets_of
from workbench.store.schema import metadata
from workbench.store.types import DamagedValue, LargeBinary, reader, shown
from workbench.store.views import VIEWS


@rereading
def problems(database: Database) -> list[str]:
    """One line for each thing that is wrong.

    Tables and rules may be missing, pages damaged, values of the wrong type, references broken, and files of artifacts
    not what their hashes say.

    Raises:
        StoreFailure: the database cannot be read now.
    """
    with database.read() as connection:
        inspector = sa.inspect(connection)
        if missing := list(_missing(inspector)):
            return missing
        found = [*_missing_rules(inspector), *database.backend.damage(connection)]
        found += [line for table in metadata.sorted_tables for line in _wrong_values(connection, table)]
    try:
        return found + damaged_artifacts(database)
    except StoreFailure:
        raise
    except StoreError as error:  # wrong values are in its way
        return found + [str(error)] * (not found)


def damaged_artifacts(database: Database) -> list[str]:
    """One line for each stored file whose content is not what its hash says.

    Raises:
        StoreFailure: the database cannot be read now, so that nothing is known of its files.
    """
    found = []
    rows = artifacts.listing(database)
    paths: dict[tuple[Any, ...], list[str]] = {}
    for row in rows:
        paths.setdefault((row["run"], row["trial"], row["kind"]), []).append(row["path"])
    for together in paths.values():
        try:
            targets_of(Path(), together)
        except StoreError as error:
            found.append(str(error))
    sound = set()  # runs on equal data share the contents of their encodings
    for row in rows:
        name = f"{row['kind']} file {row['path']} of run {row['run']}"
        try:
            if row["sha256"] not in sound:
                artifacts.check_file(database, row["sha256"], name)
                sound.add(row["sha256"])
        except StoreFailure:
            raise
        except StoreError as error:
            found.append(str(error))
    return found


def _wrong_values(connection: Connection, table: sa.Table) -> Iterator[str]:
    """Values that their columns cannot hold, and whose row they are in."""
    columns = [column for column in table.c if not isinstance(column.type, LargeBinary)]
    keys = [at for at, column in enumerate(columns) if column.primary_key]
    raw = sa.select(*(sa.type_coerce(column, sa.types.NullType()) for column in columns))
    rows = connection.execute(raw.execution_options(yield_per=1_000))
    kinds = [described[1] for described in rows.cursor.description] if rows.cursor else []
    readers = [reader(column, connection.dialect, kind) for column, kind in zip(columns, kinds, strict=True)]
    for row in rows:
        for read, value in zip(readers, row, strict=True):
            try:
                read(value)
            except DamagedValue as error:
                named = ", ".join(f"{columns[at].name} {shown(row[at])}" for at in keys)
                yield f"{error}, in the row of {named}"


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
