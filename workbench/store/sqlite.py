"""SQLite: one file, whose writers take turns."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import StoreError
from workbench.store.locks import holder_of
from workbench.store.schema import VERSION_TABLE, metadata
from workbench.store.views import VIEWS

BUSY_SECONDS = 30.0

# A checkpoint of the write-ahead log can lose committed pages in these versions; a rollback journal cannot.
_WAL_BUG = ((3, 7, 0), (3, 51, 2))

STEPS_BETWEEN_LOOKS = 100_000
"""Steps of SQLite's machine, some milliseconds, after which Ctrl-C is noticed in the middle of a query."""

_NOT_TO_BE_WRITTEN = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)

_OPTIONS = re.compile(r"\w+=[^&=]*(&\w+=[^&=]*)*")
_KNOWN = ("timeout", "mode", "cache", "immutable", "nolock", "vfs", "uri")

T = TypeVar("T")


class Sqlite:
    """An SQLite file.

    Args:
        address: its path as it is written, or a URI that begins with `file:`; options of the connection may follow a
            question mark, such as `timeout=120`.
        create: whether it may be missing, and will be written.

    Raises:
        StoreError: there is no such file, it cannot be written, or an option is unknown.
    """

    def __init__(self, address: str, *, create: bool) -> None:
        url = _url(address)
        if not url.database or url.database == ":memory:":
            raise StoreError("--db: a database in memory keeps nothing; write it as sqlite:///file.db")
        self.name = url.database
        self._path = _path(url.database)
        if not create and not self._path.exists():
            raise StoreError(f"no database at {self._path}; workbench run makes one, --db names another")
        if create:
            self._check_writable()
        self.engine = _engine(url)

    def prepare(self) -> None:
        """Set the journal of a new file, where it stays as set; a file that others use keeps its own."""
        with contextlib.closing(sqlite3.connect(self._path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                connection.execute(f"PRAGMA journal_mode = {'DELETE' if wal_is_unsafe() else 'WAL'}")

    def check_tables(self, connection: Connection) -> None:
        """Make sure that tables stand where ours belong, without triggers, in a file that may come from anyone.

        Raises:
            StoreError: another tool has put something else there.
        """
        # Before anything is read: a view in a table's place computes whatever it likes, and for ever.
        ours, views = {*metadata.tables, VERSION_TABLE}, VIEWS.keys()
        rows = connection.exec_driver_sql("SELECT type, name, tbl_name, rootpage FROM sqlite_master").all()
        found = []
        for kind, name, table, page in rows:
            if kind == "trigger" and str(table).lower() in ours | views:
                found.append(f"trigger {name!a} on {table}")
            elif str(name).lower() in ours and (kind != "table" or not page or self._computed(connection, name)):
                found.append(f"{name} is no plain table")
        self._refuse(found)

    def check_views(self, connection: Connection) -> None:
        """Make sure that views of the names of ours are those of this version.

        Raises:
            StoreError: they are something else.
        """
        rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master").all()
        there = [(kind, str(name).lower(), str(sql).split()) for kind, name, sql in rows]
        self._refuse(
            f"{name} is not the view that Workbench makes"
            for kind, name, words in there
            if name in VIEWS and (kind != "view" or words != VIEWS[name].split())
        )

    def _refuse(self, found: Iterable[str]) -> None:
        if listed := "; ".join(found):
            raise StoreError(
                f"{self.name} holds what Workbench has not made, and is not read: {listed}; drop that, or take the "
                "file from where it was made"
            )

    @staticmethod
    def _computed(connection: Connection, table: str) -> bool:
        """Whether a table has columns that are computed when they are read."""
        columns = connection.exec_driver_sql("SELECT hidden FROM pragma_table_xinfo(?)", (table,)).scalars()
        return any(columns)

    def read_options(self) -> dict[str, Any]:
        """Nothing: a transaction sees one state anyway."""
        return {}

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that shuts out other writers from its start."""
        with self.engine.connect() as plain:
            connection = plain.execution_options(immediate=True)
            with connection.begin():
                return work(connection)

    def reconnect(self) -> None:
        """Nothing: a file drops no connection."""

    def try_writing(self, connection: Connection) -> None:
        """Write a page as it is."""
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = version_num")

    def beside(self, name: str) -> Path:
        """In the folder of the file, under its name and this one."""
        return self._path.with_name(f"{self._path.name}.{name}")

    def back_up(self, label: str) -> str:
        """Copy the file beside itself, consistently; returns the copy's path."""
        target = self.beside(f"{label}.backup")
        with (
            contextlib.closing(sqlite3.connect(self._path)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
        return str(target)

    def size(self) -> int:
        """In bytes."""
        return self._path.stat().st_size

    def vacuum(self) -> None:
        """Give unused space back to the file system."""
        with self.engine.connect() as connection:
            connection.connection.cursor().execute("VACUUM")

    def damage(self, connection: Connection) -> list[str]:
        """One line for each damaged page and each row that points nowhere."""
        found = [str(line) for (line,) in connection.exec_driver_sql("PRAGMA integrity_check") if line != "ok"]
        for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            found.append(f"row {row} of {table} names a row of {parent} that is not there")
        return found

    def explain(self, error: BaseException) -> str:
        """A database error as one line."""
        cause = (str(error).splitlines() or [type(error).__name__])[0]
        # The lowest byte says what, the others where.
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind == sqlite3.SQLITE_BUSY and (holder := holder_of(self._path)) is not None:
            return f"{self.name}: {cause}, by {holder}"
        remedy = "; point --db elsewhere" * (kind in _NOT_TO_BE_WRITTEN)
        return f"{self.name}: {cause}{remedy}"

    def may_pass(self, error: BaseException) -> bool:
        """Whether the file is locked, full, read-only or gone."""
        return isinstance(error, sqlite3.OperationalError)

    def _check_writable(self) -> None:
        folder = self._path.parent
        if not folder.is_dir():
            home = "; write your home folder out, ~ is a name like any other here" * str(folder).startswith("~")
            raise StoreError(f"--db {self._path}: there is no folder {folder}{home}")
        target = self._path if self._path.exists() else folder
        if not os.access(target, os.W_OK):
            raise StoreError(f"{target} cannot be written; point --db elsewhere")


def sqlite_version() -> str:
    """Of the library that Python is linked with."""
    return sqlite3.sqlite_version


def wal_is_unsafe(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite has the WAL-reset bug."""
    return _WAL_BUG[0] <= version <= _WAL_BUG[1]


def _look_up() -> int:
    """Let Python run its signal handlers in the middle of a query; the query ends where one raises."""
    return 0


def _url(address: str) -> sa.URL:
    """An address behind `sqlite:///`: nothing in its path is decoded, so that every file can be named."""
    path, mark, text = address.rpartition("?")
    options = dict(parse_qsl(text, keep_blank_values=True))
    if not mark or not _OPTIONS.fullmatch(text):  # a question mark of the file's own name
        path, options = address, {}
    if unknown := sorted(options.keys() - _KNOWN):
        raise StoreError(f"--db: no option {unknown[0]!r} of SQLite is known here; known are {', '.join(_KNOWN)}")
    return sa.URL.create("sqlite", database=path, query=options)


def _path(database: str) -> Path:
    """Of the file, also where it is written as a URI of SQLite: `file:team.db?mode=ro`."""
    return Path(unquote(urlsplit(database).path)) if database.startswith("file:") else Path(database)


def _engine(url: sa.URL) -> sa.Engine:
    patience = {} if "timeout" in url.query else {"timeout": BUSY_SECONDS}
    engine = sa.create_engine(url, connect_args=patience)

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours: the module would begin late and commit before DDL
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")  # whatever the file defines calls harmless functions alone
        connection.execute("PRAGMA cell_size_check = ON")
        connection.set_progress_handler(_look_up, STEPS_BETWEEN_LOOKS)
        connection.execute("PRAGMA synchronous = FULL")

    @sa.event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        # A transaction that reads first and writes later fails at once when another writes; so say so at the start.
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
