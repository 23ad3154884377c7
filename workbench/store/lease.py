"""Who may write a run: one process at a time, told by a fencing number that every write checks.

The number grows when a run changes hands, so that an owner who was only asleep finds, with its next write,
that the run is no longer its own (Kleppmann, "How to do distributed locking", 2016).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles

from workbench.errors import LostLease, StoreError, UserError
from workbench.owner import Owner
from workbench.store import schema
from workbench.store.database import Database

SILENCE_SECONDS = 60.0
"""An owner is given up after so long without a sign of life: it is gone, or alive and doing something else since."""

BEAT_SECONDS = 10.0

_held: set[tuple[int, str]] = set()
"""(process, uuid of a run) that is being written; the process too, since a fork inherits the set."""


class DatabaseNow(sa.sql.functions.FunctionElement[datetime]):
    """The database's clock, UTC without a zone: the one clock that all owners share."""

    type = sa.DateTime()
    inherit_cache = True


@compiles(DatabaseNow)
def _now(element: DatabaseNow, compiler: Any, **_: Any) -> str:
    return "CURRENT_TIMESTAMP"


@compiles(DatabaseNow, "postgresql")
def _now_postgresql(element: DatabaseNow, compiler: Any, **_: Any) -> str:
    return "timezone('utc', clock_timestamp())"


@dataclass(frozen=True)
class Standing:
    """Who owns a run, as its row says.

    Args:
        uuid: of the run.
        owner: the process.
        since: when it became the owner, UTC without a zone.
        silent: seconds since its last sign of life, by the database's clock.
    """

    uuid: str
    owner: Owner
    since: datetime
    silent: float

    @classmethod
    def of(cls, row: sa.RowMapping, now: datetime) -> Standing:
        """From the columns of a row of `run`, and the database's time."""
        owner = Owner(row["owner_host"], row["owner_boot"], row["owner_process"], row["owner_started"])
        return cls(row["uuid"], owner, row["owner_since"], (now - row["owner_seen"]).total_seconds())

    @property
    def lost(self) -> bool:
        """Whether nobody writes the run any more."""
        if self.owner == Owner.here():
            return (self.owner.process, self.uuid) not in _held
        return self.owner.alive is False or self.silent > SILENCE_SECONDS

    def __str__(self) -> str:
        return f"process {self.owner.process} on {self.owner.host} since {self.since:%Y-%m-%d %H:%M:%S} UTC"


def refuse_if_owned(row: sa.RowMapping, now: datetime) -> None:
    """Stop where the owner of a run lives.

    Args:
        row: of the table `run`.
        now: the database's time.

    Raises:
        UserError: it does.
    """
    standing = Standing.of(row, now)
    if row["state"] != "running" or standing.lost:
        return
    wait = ""
    if standing.owner.alive is None or standing.silent > 2 * BEAT_SECONDS:
        wait = f"; it is taken for lost after {SILENCE_SECONDS:.0f} s of silence, now {max(0.0, standing.silent):.0f} s"
    raise UserError(f"run {row['id']} is running: {standing}{wait}")


def owner_columns() -> dict[str, Any]:
    """This process as the owner of a run, from now."""
    owner = Owner.here()
    return {
        "owner_host": owner.host,
        "owner_boot": owner.boot,
        "owner_process": owner.process,
        "owner_started": owner.started,
        "owner_since": datetime.now(UTC).replace(tzinfo=None),
        "owner_seen": DatabaseNow(),
    }


class Lease:
    """The right of this process to write a run.

    Args:
        database: open.
        run: its number.
        uuid: of the run.
        fence: the number that its row must still have.
        seconds: tells how much time the run has taken, all its sessions together.
    """

    def __init__(self, database: Database, run: int, uuid: str, fence: int, seconds: Callable[[], float]) -> None:
        self.database, self.run, self.uuid, self.fence, self.seconds = database, run, uuid, fence, seconds

    def renew(self, connection: Connection) -> None:
        """Give a sign of life; belongs into every transaction that writes the run.

        Raises:
            LostLease: the run has another owner.
        """
        table = schema.run
        renewed = connection.execute(
            sa.update(table)
            .where(table.c.id == self.run, table.c.uuid == self.uuid, table.c.fence == self.fence)
            .values(owner_seen=DatabaseNow(), seconds=self.seconds())
        )
        if renewed.rowcount:
            return
        query = sa.select(table, DatabaseNow().label("now")).where(table.c.id == self.run, table.c.uuid == self.uuid)
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise LostLease(f"run {self.run} was deleted while it ran; nothing more of it is stored")
        raise LostLease(
            f"run {self.run} was taken over by {Standing.of(row, row['now'])}; this process stores nothing more of it"
        )

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Give a sign of life now and then, whatever the process waits for."""
        key, stop = (Owner.here().process, self.uuid), threading.Event()
        thread = threading.Thread(target=self._beat, args=(stop,), daemon=True)
        _held.add(key)
        thread.start()
        try:
            yield
        finally:
            _held.discard(key)
            stop.set()
            thread.join(timeout=1.0)  # it may be waiting for a locked database

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_SECONDS):
            try:
                self.database.write(self.renew)
            except LostLease:
                return  # the next write of the run says so
            except StoreError:
                continue  # so does it of a database that stays locked or full
