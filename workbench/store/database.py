"""Opening a database: address, schema version, transactions."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url

from workbench.errors import SchemaError, StoreError, StoreFailure
from workbench.store import postgresql
from workbench.store.schema import SCHEMA_VERSION, VERSION_TABLE
from workbench.store.sqlite import Sqlite
from workbench.store.types import DamagedValue

DEFAULT_URL = "sqlite:///workbench.db"
_SQLITE = "sqlite:///"
_FORMS = "write it as sqlite:///file.db or postgresql://user@host/database"

T = TypeVar("T")
P = ParamSpec("P")


class Backend(Protocol):
    """What differs between kinds of databases."""

    name: str
    engine: sa.Engine

    def prepare(self) -> None:
        """Make a new database fit for the schema."""

    def check_tables(self, connection: Connection) -> None:
        """Make sure that ours are tables, before anything is read from a file that may come from anyone."""

    def check_views(self, connection: Connection) -> None:
        """The same of the views, of a schema of this version."""

    def read_options(self) -> dict[str, Any]:
        """Execution options under which a transaction sees one state."""

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, with no other writer beside it."""

    def reconnect(self) -> None:
        """Wait until a connection can be made again; raises the last error if that takes too long."""

    def try_writing(self, connection: Connection) -> None:
        """Write in a way that changes nothing, and fails where writing would."""

    def beside(self, name: str) -> Path:
        """Where a file that belongs to the database is kept, under a name that no other of its files has."""

    def back_up(self, label: str) -> str | None:
        """Copy the database; returns what the copy is called, or None where that is not ours to do."""

    def size(self) -> int:
        """In bytes."""

    def vacuum(self) -> None:
        """Return unused space."""

    def damage(self, connection: Connection) -> list[str]:
        """One line for each thing that is broken below the level of artifacts."""

    def explain(self, error: BaseException) -> str:
        """A database error as one line."""

    def may_pass(self, error: BaseException) -> bool:
        """Whether what failed so may succeed later."""


class Database:
    """An open database of this version's schema.

    Args:
        url: SQLAlchemy address, such as `sqlite:///workbench.db` or `postgresql://user@host/database`.
        create: whether to build the schema where there is none.
        check: whether to refuse another schema version; only `workbench db` does without.

    Raises:
        StoreError: it cannot be opened, or there is none and `create` is False.
        SchemaError: its schema is older or newer.
    """

    def __init__(self, url: str, *, create: bool = False, check: bool = True) -> None:
        self.backend = _backend(url, create=create)
        self.engine = self.backend.engine
        try:
            self._open(create=create, check=check)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """How messages call it: the path of an SQLite file, else the address without a password."""
        return self.backend.name

    def version(self) -> int | None:
        """The schema version it has; None where there is no schema of ours."""
        return _version(self)

    def upgrade(self) -> None:
        """Bring the schema to this version; a newer one is refused, and so is a database without a schema of ours.

        Raises:
            SchemaError: there is nothing to upgrade from.
        """
        version = self.version()
        if version is None or version > SCHEMA_VERSION:
            self._check_version(version)
        self._migrate()

    def back_up(self) -> str | None:
        """Copy an SQLite file beside itself, consistently; returns the copy's path. A server's backups are its own."""
        with self._plain_errors():
            return self.backend.back_up(f"schema-{self.version()}")

    def reconnect(self) -> None:
        """Wait for a server that has dropped a connection, as long as a write does."""
        with self._plain_errors():
            self.backend.reconnect()

    @contextlib.contextmanager
    def plain(self) -> Iterator[Connection]:
        """A connection outside any transaction of ours."""
        with self._plain_errors(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; fetch all and leave. Functions that call this are decorated with `rereading`."""
        with self._plain_errors(), self.engine.connect() as plain:
            connection = plain.execution_options(**self.backend.read_options())
            with connection.begin():
                yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, all of it or nothing, with no other writer beside it; returns its result.

        Args:
            work: may run again where it was undone because the connection dropped; so it changes nothing but the
                database.
        """
        with self._plain_errors():
            return self.backend.transact(work)

    def check_writable(self) -> None:
        """Make sure that it can be written, which no flag of a file or a role tells as well as trying.

        Raises:
            StoreError: it cannot.
        """
        self.write(self.backend.try_writing)

    def beside(self, name: str) -> Path:
        """Where a file that belongs to the database is kept, under a name that no other of its files has."""
        return self.backend.beside(name)

    def size(self) -> int:
        """In bytes."""
        with self._plain_errors():
            return self.backend.size()

    def vacuum(self) -> None:
        """Return unused space."""
        with self._plain_errors():
            self.backend.vacuum()

    def close(self) -> None:
        """Let go of the file or the server."""
        self.engine.dispose()

    def _open(self, *, create: bool, check: bool) -> None:
        version = self.version()
        if version is None and create:
            with self._plain_errors():
                self.backend.prepare()
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
        with self._plain_errors(), self.engine.connect() as connection:
            self.backend.check_views(connection)

    def _migrate(self) -> None:
        from workbench.store.migrate import upgrade

        with self._plain_errors():
            upgrade(self.engine)

    @contextlib.contextmanager
    def _plain_errors(self) -> Iterator[None]:
        """Database errors as one line."""
        try:
            yield
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            cause = getattr(error, "orig", None) or error
            if getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                # A handler of a signal has raised in the middle of a query, which the module keeps to itself.
                raise KeyboardInterrupt from error
            kind = StoreFailure if self.backend.may_pass(cause) else StoreError
            raise kind(self.backend.explain(cause)) from error
        except UnicodeDecodeError as error:  # SQLite quotes what it finds, whatever it is
            raise StoreError(f"{self.name} is damaged: it holds text that is no UTF-8") from error
        except (DamagedValue, sa.exc.NoResultFound, sa.exc.MultipleResultsFound) as error:
            why = error if isinstance(error, DamagedValue) else "rows that belong together do not fit each other"
            raise StoreError(f"{self.name} is damaged: {why}; workbench db check lists what is wrong") from error


def rereading(function: Callable[Concatenate[Database, P], T]) -> Callable[Concatenate[Database, P], T]:
    """Has a function that only reads begin again where the connection dropped under it, for half a minute."""

    @functools.wraps(function)
    def attempts(database: Database, /, *arguments: P.args, **named: P.kwargs) -> T:
        deadline = time.monotonic() + postgresql.RECONNECT_SECONDS
        while True:
            try:
                return function(database, *arguments, **named)
            except StoreFailure as error:
                cause = error.__cause__
                dropped = isinstance(cause, sa.exc.DBAPIError) and cause.connection_invalidated
                if not dropped or time.monotonic() > deadline:
                    raise
            database.reconnect()

    return attempts


@rereading
def _version(database: Database) -> int | None:
    with database.plain() as connection:
        database.backend.check_tables(connection)
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        found = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return int(found) if found is not None and str(found).isdecimal() else None


def _backend(address: str, *, create: bool) -> Backend:
    if address.startswith(_SQLITE):
        return Sqlite(address.removeprefix(_SQLITE), create=create)
    if address.count("@") > 1:
        # Else what follows the first would be taken for the host, and shown.
        raise StoreError("--db: an address has one @; write one in a user's name or password as %40")
    try:
        url = make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        raise StoreError(f"--db: no database address; {_FORMS}") from None  # their messages quote pieces of it
    match url.drivername:
        case "postgresql" | "postgresql+psycopg" | "postgres":
            if "@" in f"{url.host}{url.database}":
                # Else a password behind a user's name with a slash would be taken for a name, and shown.
                raise StoreError("--db: write / in a user's name or password as %2F, @ as %40")
            return postgresql.Postgresql(url)
    if url.get_backend_name() == "sqlite":
        raise StoreError("--db: no file is named; write it as sqlite:///file.db, with three slashes")
    raise StoreError(f"--db: {url.drivername} is no kind of database that can be used; {_FORMS}")
