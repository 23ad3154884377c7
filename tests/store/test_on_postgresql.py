"""What holds of rows and files in SQLite holds in PostgreSQL: the same tests, but for those that open the file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.store import test_artifacts, test_lease, test_queries, test_spool, test_writer
from tests.store.server import Server
from tests.store.test_artifacts import folder, stored  # noqa: F401
from tests.store.test_spool import hasty  # noqa: F401
from tests.store.test_writer import transactions  # noqa: F401
from workbench.store.database import Database
from workbench.store.schema import metadata


def suits(name: str, value: Any) -> bool:
    """Whether it is a test of a database, of whatever kind."""
    if not name.startswith("test_") or not callable(value):
        return False
    of_a_file = {"sqlite3", "full"} & set(value.__code__.co_names)
    given = {"database", "hasty", "stored", "writer"} & set(inspect.signature(value).parameters)
    return bool(given) and not of_a_file


def database_tests(*modules: Any) -> dict[str, Callable[..., None]]:
    return {name: value for module in modules for name, value in vars(module).items() if suits(name, value)}


MODULES = (test_artifacts, test_lease, test_queries, test_spool, test_writer)
globals().update(database_tests(*MODULES))


@pytest.fixture(scope="module")
def address(server: Server) -> str:
    """Of one database for all of these tests, since making one takes a while."""
    return server.url(server.make("filled"))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spools go where the test looks, not to the user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """An open, empty database of this version's schema, on the server."""
    opened = Database(address)
    names = ", ".join(metadata.tables)
    opened.write(lambda connection: connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY"))
    yield opened
    opened.close()


def test_there_are_such_tests() -> None:
    for module in MODULES:
        assert len(database_tests(module)) >= 5
