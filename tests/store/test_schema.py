"""The tables that migrations build are the tables that the code declares."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from workbench.store.database import Database
from workbench.store.migrate import migrations_folder
from workbench.store.schema import SCHEMA_VERSION, VERSION_TABLE, metadata
from workbench.store.views import VIEWS


def statements(path: Path) -> dict[str, set[str]]:
    """Name of table or index -> the parts of its CREATE statement, whatever their order and spacing."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index')").fetchall()
    parts = {name: re.split(r",\s*\n", re.sub(r"[ \t]+", " ", sql or "")) for name, sql in rows}
    return {
        name: {re.sub(r"\s+", " ", part).strip(" ()") for part in listed}
        for name, listed in parts.items()
        if name != VERSION_TABLE and not name.startswith("sqlite_autoindex")
    }


def test_autogenerate_finds_nothing_to_change_after_the_migrations(database: Database) -> None:
    options = {
        "compare_type": True,
        "version_table": VERSION_TABLE,
        "target_metadata": metadata,
    }
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_migrations_write_the_constraints_and_defaults_that_the_tables_declare(
    database: Database, tmp_path: Path
) -> None:
    # Autogenerate looks at no CHECK and no WHERE of an index.
    declared = tmp_path / "declared.db"
    engine = sa.create_engine(f"sqlite:///{declared}")
    metadata.create_all(engine)
    engine.dispose()
    assert statements(Path(database.name)) == statements(declared)


def test_the_schema_version_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    script = ScriptDirectory.from_config(config)
    assert len(script.get_heads()) == 1
    assert int(script.get_current_head() or 0) == SCHEMA_VERSION


def test_a_fresh_database_has_the_schema_version(database: Database) -> None:
    assert database.version() == SCHEMA_VERSION


def test_the_version_table_is_our_own(database: Database) -> None:
    tables = sa.inspect(database.engine).get_table_names()
    assert VERSION_TABLE in tables
    assert "alembic_version" not in tables


def test_the_index_of_leaderboards_holds_scored_trials_alone(database: Database) -> None:
    with closing(sqlite3.connect(database.name)) as connection:
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'ix_trial_board'").fetchone()
    assert "draws DESC, objective DESC" in sql
    assert sql.endswith("WHERE state = 'complete' AND objective IS NOT NULL")


def test_every_view_exists_as_the_code_has_it(database: Database) -> None:
    with closing(sqlite3.connect(database.name)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'").fetchall()
    assert dict(rows) == {name: sql.strip() for name, sql in VIEWS.items()}


def test_no_view_computes_a_rank() -> None:
    assert not [name for name, sql in VIEWS.items() if re.search(r"\bover\s*\(", sql, re.IGNORECASE)]


def test_every_constraint_is_named() -> None:
    unnamed = [
        f"{table.name}: {constraint!r}"
        for table in metadata.tables.values()
        for constraint in table.constraints
        if not constraint.name
    ]
    assert unnamed == []
