"""PostgreSQL over psycopg 3: a server, whose writers take turns as SQLite's do and whose connections may drop."""

from __future__ import annotations

import logging
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import StoreError, StoreFailure
from workbench.store.schema import metadata

NEEDED = "pip install 'automl-workbench[postgresql]'"
OLDEST = 13
CONNECT_SECONDS = 10
BUSY_SECONDS = 30
IDLE_SECONDS = BUSY_SECONDS // 2
"""A writer that froze inside its transaction is thrown out before those who wait for it give up."""

RECONNECT_SECONDS = 30.0
PAUSE = 0.1
_WRITERS = int.from_bytes(b"workbnch", "big")
"""The advisory lock that writers of a database take in turns."""

_TRANSACTION = "workbench transaction"

# Without these, a server that vanished from the network is waited for by the hour.
_CONNECT = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "client_encoding": "utf8",
    "application_name": "workbench",
}
_READ_ONLY = "25006"
_NO_RIGHT = "42501"
_FROZE = "25P03"

# What may be shown of an address's query; whatever else it has may be a secret.
_SHOWN = ("host", "port", "user", "dbname", "sslmode")

T = TypeVar("T")


class Postgresql:
    """A database on a PostgreSQL server; nothing is connected yet.

    Args:
        url: its address.

    Raises:
        StoreError: psycopg is not installed.
    """

    def __init__(self, url: sa.URL) -> None:
        query = {key: value for key, value in url.query.items() if key in _SHOWN}
        shown = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
        self.name = shown.render_as_string()
        try:
            self.engine = _engine(url.set(drivername="postgresql+psycopg"))
        except ImportError as error:
            raise StoreError(f"--db {self.name}: PostgreSQL needs psycopg; {NEEDED}") from error

    def prepare(self) -> None:
        """Refuse a new database that cannot keep every text.

        Raises:
            StoreError: its encoding is not UTF-8.
        """
        with self.engine.connect() as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise StoreError(
                f"{self.name} has encoding {encoding}, which cannot keep every text; "
                "make it with: createdb --encoding UTF8 --template template0"
            )

    def check_tables(self, connection: Connection) -> None:
        """Nothing: what a server holds is a matter of its administrators."""

    def check_views(self, connection: Connection) -> None:
        """Nothing, as with tables."""

    def read_options(self) -> dict[str, Any]:
        """A transaction that sees one state, whatever is committed meanwhile."""
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that shuts out other writers from its start.

        Where the connection drops, the server is asked what became of the transaction, since an answer to COMMIT may
        be lost on its way; only if it was not committed, `work` runs again, on a new connection, for half a minute.
        """
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            attempt: _Attempt[T] = _Attempt()
            try:
                return attempt.run(self.engine, work)
            except sa.exc.DBAPIError as error:
                if not error.connection_invalidated or time.monotonic() > deadline:
                    raise
            if self._committed(attempt.transaction):
                return attempt.result

    def reconnect(self) -> None:
        """Wait until the server lets us in again.

        Raises:
            OperationalError: it has not for half a minute.
        """
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                with self.engine.connect():
                    return
            except sa.exc.OperationalError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def try_writing(self, connection: Connection) -> None:
        """Have the server check every right that writing needs; no row is there to be changed."""
        for table in metadata.sorted_tables:
            none, column = sa.select(table).where(sa.false()), table.columns[0]
            connection.execute(sa.insert(table).from_select(list(table.columns), none))
            connection.execute(sa.update(table).where(sa.false()).values({column: column}))
            connection.execute(sa.delete(table).where(sa.false()))

    def beside(self, name: str) -> Path:
        """In the user's folder for what programs remember, since a server is on no machine of ours.

        Raises:
            StoreError: the account has no home, and its folder below the temporary one is another's.
        """
        try:
            state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
        except RuntimeError:  # as in containers that are started with the number of an account alone
            state = _private_folder()
        return state / "workbench" / name

    def back_up(self, label: str) -> None:
        """Nothing: pg_dump is the administrator's, and a migration is one transaction."""

    def size(self) -> int:
        """Of our tables with their indexes, in bytes."""
        tables = [sa.func.pg_total_relation_size(table.name) for table in metadata.sorted_tables]
        with self.engine.connect() as connection:
            return sum(connection.execute(sa.select(*tables)).one())

    def vacuum(self) -> None:
        """Let the server use the space again; FULL would return more of it and lock everyone out meanwhile."""
        with self.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(f"VACUUM {', '.join(table.name for table in metadata.sorted_tables)}")

    def damage(self, connection: Connection) -> list[str]:
        """One line for each reference by which rows point nowhere, as after a restore without its constraints."""
        found = []
        for column, parent in _references():
            count = sa.select(sa.func.count()).where(
                column.is_not(None), ~sa.exists().where(parent == column).correlate(column.table)
            )
            if dangling := connection.execute(count).scalar_one():
                found.append(f"{dangling} rows of {column.table.name} name a row of {parent.table} that is not there")
        return found

    def explain(self, error: BaseException) -> str:
        """A database error as one line."""
        lines, state = str(error).splitlines() or [type(error).__name__], getattr(error, "sqlstate", None)
        if state == "55P03":
            return f"{self.name}: another writer has kept it busy for {BUSY_SECONDS} s; try again"
        if state in (_READ_ONLY, _NO_RIGHT):
            return f"{self.name}: {lines[0]}; point --db elsewhere, or ask for that right"
        if lines[0].startswith("connection "):
            reason = re.sub(r"^connection (failed|is bad): (.*FATAL: *)?", "", lines[0])
            return f"{self.name}: {reason}; check --db, and that the server runs and lets you in"
        return f"{self.name}: {lines[0]}"

    def may_pass(self, error: BaseException) -> bool:
        """Whether the server is away, busy or full, or does not let us write."""
        from psycopg import OperationalError

        passing = (_READ_ONLY, _NO_RIGHT, _FROZE)
        return isinstance(error, OperationalError) or getattr(error, "sqlstate", None) in passing

    def _committed(self, transaction: str | None) -> bool:
        """Whether a transaction was committed whose connection dropped; waits until the server is there and knows.

        Args:
            transaction: its id; None where the connection dropped before it had one.
        """
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                with self.engine.connect() as plain:
                    connection = plain.execution_options(isolation_level="AUTOCOMMIT")
                    state = transaction and connection.execute(_STATE, {"id": transaction}).scalar_one()
                    if state != "in progress":
                        return state == "committed"
                    # The server has not noticed that its client is gone. A COMMIT that arrived is not undone by this.
                    connection.execute(_END, {"id": transaction})
            except sa.exc.OperationalError:
                if time.monotonic() > deadline:
                    raise
            if time.monotonic() > deadline:
                raise StoreFailure(f"{self.name}: a transaction has been undecided for {RECONNECT_SECONDS:.0f} s")
            time.sleep(PAUSE)


class _Attempt(Generic[T]):
    """One attempt at a transaction, with what is known of it when its connection drops."""

    transaction: str | None = None
    result: T

    def run(self, engine: sa.Engine, work: Callable[[Connection], T]) -> T:
        with engine.connect() as plain:
            connection = plain.execution_options(immediate=True)
            with connection.begin():
                self.transaction = connection.info[_TRANSACTION]
                self.result = work(connection)
        return self.result


_STATE = sa.text("SELECT pg_xact_status(CAST(CAST(:id AS text) AS xid8))")
_END = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_xid = CAST(CAST(CAST(:id AS text) AS xid8) AS xid)"
)


def psycopg_version() -> str | None:
    """Of the installed psycopg; None where it is missing or lacks its library."""
    try:
        import psycopg
    except ImportError:
        return None
    return psycopg.__version__


def _private_folder() -> Path:
    """One that only this account can write, where others can, too.

    Raises:
        StoreError: somebody else has taken its name.
    """
    folder = Path(tempfile.gettempdir()) / f"workbench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise StoreError(f"{folder} is not this account's alone; set XDG_STATE_HOME to a folder that is")
    return folder


def _engine(url: sa.URL) -> sa.Engine:
    # Else it warns on standard error of every connection that drops, which is answered here.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    given = {key: value for key, value in _CONNECT.items() if key not in url.query}
    engine = sa.create_engine(url, connect_args=given)

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        version = connection.info.server_version // 10_000
        if version < OLDEST:
            raise StoreError(f"--db: the server is PostgreSQL {version}; {OLDEST} or newer is needed")
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
        connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
        connection.autocommit = False

    @sa.event.listens_for(engine, "handle_error")
    def failed(context: sa.ExceptionContext) -> None:
        # Cut amid many rows, a connection calls itself busy rather than gone, and can be used no more.
        # One that was cut while it was made is not called one that was lost.
        said = str(context.original_exception)
        if "pipeline mode" in said or "closed the connection unexpectedly" in said:
            context.is_disconnect = True

    @sa.event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        # Writers take turns, as on SQLite: what one has read stays true until it has written.
        if connection.get_execution_options().get("immediate", False):
            begin = f"SELECT pg_advisory_xact_lock({_WRITERS}), CAST(pg_current_xact_id() AS text)"
            connection.info[_TRANSACTION] = connection.exec_driver_sql(begin).one()[1]

    return engine


def _references() -> Iterator[tuple[sa.Column[Any], sa.Column[Any]]]:
    """(referring column, column it names) of every foreign key."""
    for table in metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
            yield key.parent, key.column
