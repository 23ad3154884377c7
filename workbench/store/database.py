"""Opening a database: address, schema version, transactions."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from workbench.errors import SchemaError, StoreError, StoreFailure
from workbench.store.schema import SCHEMA_VERSION

DEFAULT_URL = "sqlite:///workbench.db"
VERSION_TABLE = "workbench_version"
BUSY_SECONDS = 30.0

# A checkpoint of the write-ahead log can lose committed pages in these versions; a rollback journal cannot.
_WAL_BUG = ((3, 7, 0), (3, 51, 2))


class Database:
    """An open database of this version's schema.

    Args:
        url: SQLAlchemy address, such as `sqlite:///workbench.db`.
        create: whether to build the schema where there is none.
        check: whether to refuse another schema version; only `workbench db` does without.

    Raises:
        StoreError: it cannot be opened, or there is none and `create` is False.
        SchemaError: its schema is older or newer.
    """

    def __init__(self, url: str, *, create: bool = False, check: bool = True) -> None:
        try:
            self.url = make_url(url)
            dialect = self.url.get_dialect().name
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
            raise StoreError("--db: no database address; write it as sqlite:///file.db") from error
        if dialect != "sqlite":
            raise StoreError(
                f"--db {self.name}: only SQLite is supported by this version; write it as sqlite:///file.db"
            )
        self.path = _path(self.url.database or "")
        if not self.url.database or self.url.database == ":memory:":
            raise StoreError("--db: a database in memory keeps nothing; write it as sqlite:///file.db")
        if not create and not self.path.exists():
            raise StoreError(f"no database at {self.path}; workbench run makes one, --db names another")
        if create:
            self._check_writable()
        self.engine = _sqlite_engine(self.url)
        try:
            self._open(create=create, check=check)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """How messages call it; never with a password."""
        if self.url.get_backend_name() == "sqlite":
            return str(self.url.database)
        return self.url.set(query={}).render_as_string()  # a password may stand in the query too

    def version(self) -> int | None:
        """The schema version it has; None where there is no schema of ours."""
        with self.engine.connect() as connection:
            if not sa.inspect(connection).has_table(VERSION_TABLE):
                return None
            found = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
        return int(found) if found is not None and str(found).isdecimal() else None

    def upgrade(self) -> None:
        """Bring the schema to this version; a newer one is refused, and so is a database without a schema of ours.

        Raises:
            SchemaError: there is nothing to upgrade from.
        """
        version = self.version()
        if version is None or version > SCHEMA_VERSION:
            self._check_version(version)
        self._migrate()

    def back_up(self) -> str:
        """Copy the database beside itself, consistently; returns the copy's path."""
        target = self.path.with_name(f"{self.path.name}.schema-{self.version()}.backup")
        with (
            _plain_errors(self.name),
            contextlib.closing(sqlite3.connect(self.path)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
        return str(target)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; fetch all and leave."""
        with _plain_errors(self.name), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it or nothing."""
        with _plain_errors(self.name), self.engine.connect() as plain:
            connection = plain.execution_options(immediate=True)
            with connection.begin():
                yield connection

    def check_writable(self) -> None:
        """Write something and take it back, which no permission can tell as well.

        Raises:
            StoreError: it cannot be written.
        """
        with self.engine.connect() as plain:
            connection = plain.execution_options(immediate=True)
            try:
                with connection.begin() as transaction:
                    connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = version_num"))
                    transaction.rollback()
            except sa.exc.DBAPIError as error:
                raise StoreError(f"{self.name} cannot be written: {_cause(error)}; point --db elsewhere") from error

    def close(self) -> None:
        """Let go of the file."""
        self.engine.dispose()

    def _open(self, *, create: bool, check: bool) -> None:
        with _plain_errors(self.name):
            version = self.version()
            if version is None and create:
                self._settle_journal()
                self._migrate()
            elif check:
                self._check_version(version)

    def _check_version(self, version: int | None) -> None:
        if version is None:
            raise SchemaError(f"{self.name} is no Workbench database; workbench run makes one, --db names another")
        if version > SCHEMA_VERSION:
            raise SchemaError(
                f"{self.name} has schema {version}, this version knows up to {SCHEMA_VERSION}; "
                "upgrade automl-workbench, or point --db elsewhere"
            )
        if version < SCHEMA_VERSION:
            raise SchemaError(
                f"{self.name} has schema {version}, this version needs {SCHEMA_VERSION}; run: workbench db upgrade"
            )

    def _check_writable(self) -> None:
        folder = self.path.parent
        if not folder.is_dir():
            raise StoreError(f"--db {self.path}: there is no folder {folder}")
        target = self.path if self.path.exists() else folder
        if not os.access(target, os.W_OK):
            raise StoreError(f"{target} cannot be written; point --db elsewhere")

    def _migrate(self) -> None:
        from workbench.store.migrate import upgrade

        with _plain_errors(self.name):
            upgrade(self.engine)

    def _settle_journal(self) -> None:
        """Set the journal of a new file, where it stays as set; a file that others use keeps its own."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                connection.execute(f"PRAGMA journal_mode = {'DELETE' if wal_is_unsafe() else 'WAL'}")


def sqlite_version() -> str:
    """Of the library that Python is linked with."""
    return sqlite3.sqlite_version


def wal_is_unsafe(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite has the WAL-reset bug."""
    return _WAL_BUG[0] <= version <= _WAL_BUG[1]


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    patience = {} if "timeout" in url.query else {"timeout": BUSY_SECONDS}
    engine = sa.create_engine(url, connect_args=patience)

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours: the module would begin late and commit before DDL
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @sa.event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        # A transaction that reads first and writes later fails at once when another writes; so say so at the start.
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


@contextlib.contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    """Database errors as one line."""
    try:
        yield
    except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
        raise StoreFailure(f"{name}: {_cause(error)}") from error
    except (sa.exc.DBAPIError, sqlite3.Error) as error:
        raise StoreError(f"{name}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    return (str(getattr(error, "orig", error)).splitlines() or [type(error).__name__])[0]


def _path(database: str) -> Path:
    """Of the file, also where it is written as a URI of SQLite: `file:team.db?mode=ro`."""
    return Path(unquote(urlsplit(database).path)) if database.startswith("file:") else Path(database)
