"""A migration happens whole or not at all."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from workbench.store import migrate
from workbench.store.database import Database
from workbench.store.migrate import migrations_folder
from workbench.store.schema import SCHEMA_VERSION, VERSION_TABLE, metadata
from workbench.store.views import VIEWS


class Stop(Exception):
    """Stands for whatever ends a migration in its middle."""


def everything_in(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def test_the_migrations_are_found_beside_the_package_and_not_in_the_alembic_library() -> None:
    folder = migrations_folder()
    assert (folder / "env.py").is_file()
    assert not (folder / "__init__.py").exists(), "it would shadow the library"
    assert "site-packages/alembic" not in folder.as_posix()


def test_stopped_at_any_statement_nothing_is_left_and_the_next_attempt_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "workbench.db"
    allowed = 0
    while True:
        try:
            open_with_fuse(path, allowed)
            break
        except Stop:
            assert everything_in(path) == set(), f"after {allowed} statements"
        allowed += 1
    assert allowed > len(metadata.tables) + len(VIEWS)
    assert Database(f"sqlite:///{path}").version() == SCHEMA_VERSION


def open_with_fuse(path: Path, allowed: int) -> None:
    """Create a database, but stop before the statement after so many that write."""
    left = allowed

    def fuse(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        nonlocal left
        if statement.lstrip().split()[0].upper() in ("CREATE", "DROP", "INSERT", "UPDATE", "DELETE"):
            if not left:
                raise Stop
            left -= 1

    sa.event.listen(sa.Engine, "before_cursor_execute", fuse)
    try:
        Database(f"sqlite:///{path}", create=True).close()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", fuse)


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from workbench.store.database import Database

@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def kill(connection, cursor, statement, *rest):
    if statement.strip().startswith("CREATE VIEW run_summary"):
        os.kill(os.getpid(), signal.SIGKILL)

Database(f"sqlite:///{sys.argv[1]}", create=True)
"""


def test_killed_in_its_middle_nothing_is_left_and_the_next_attempt_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "workbench.db"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert path.exists()
    assert everything_in(path) == set()
    Database(f"sqlite:///{path}", create=True).close()
    assert {*metadata.tables, *VIEWS, VERSION_TABLE} <= everything_in(path)


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    before = everything_in(Path(database.name))
    database.upgrade()
    assert everything_in(Path(database.name)) == before
    assert database.version() == SCHEMA_VERSION


def test_an_upgrade_keeps_the_rows_and_leaves_foreign_keys_on(database: Database, score_trial: Any) -> None:
    score_trial(0.5)
    migrate.upgrade(database.engine)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM trial_metric").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_migration_that_leaves_rows_pointing_nowhere_is_rolled_back(
    database: Database, score_trial: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score_trial(0.5)
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for path in (migrations_folder() / "env.py", *(migrations_folder() / "versions").glob("*.py")):
        (folder / path.relative_to(migrations_folder())).write_text(path.read_text())
    (folder / "versions/0002_bad.py").write_text(
        'from alembic import op\nrevision = "9999"\ndown_revision = "0001"\n'
        'def upgrade():\n    op.execute("DELETE FROM trial")\n'
    )
    monkeypatch.setattr(migrate, "migrations_folder", lambda: folder)
    with pytest.raises(RuntimeError, match="point nowhere"):
        database.upgrade()
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM trial").scalar() == 1
    assert database.version() == SCHEMA_VERSION
    assert set(VIEWS) <= everything_in(Path(database.name))


def test_a_percent_sign_in_the_folder_of_the_installation_is_no_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "100%s"
    folder.symlink_to(migrations_folder())
    monkeypatch.setattr(migrate, "migrations_folder", lambda: folder)
    database = Database(f"sqlite:///{tmp_path / 'workbench.db'}", create=True)
    assert database.version() == SCHEMA_VERSION
    database.close()
