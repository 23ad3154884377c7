"""Opening a database: what is refused, how, and that a refusal writes nothing."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from workbench.errors import SchemaError, StoreError, UserError
from workbench.store import schema, sqlite
from workbench.store.database import Database
from workbench.store.schema import SCHEMA_VERSION, VERSION_TABLE
from workbench.store.sqlite import wal_is_unsafe

BLOB = sa.insert(schema.blob).values(sha256="0" * 64, size=1, codec="raw", complete=True)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file and its bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def versioned(empty_database: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A database that says it has another schema version, in a folder of its own."""

    def make(version: str) -> Path:
        path = tmp_path / "folder" / "workbench.db"
        path.parent.mkdir()
        shutil.copy(empty_database, path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = ?", (version,))
            connection.commit()
        return path

    return make


@pytest.mark.parametrize("create", [False, True])
def test_a_newer_schema_is_refused_with_both_versions_and_nothing_is_written(
    versioned: Callable[[str], Path], create: bool
) -> None:
    path = versioned("0099")
    before = contents(path.parent)
    with pytest.raises(SchemaError) as caught:
        Database(url(path), create=create)
    assert str(caught.value) == (
        f"{path} has schema 99, this version knows up to {SCHEMA_VERSION}; "
        "upgrade automl-workbench, or point --db elsewhere"
    )
    assert contents(path.parent) == before


@pytest.mark.parametrize("create", [False, True])
def test_an_older_schema_is_refused_with_both_versions_and_the_command_and_nothing_is_written(
    versioned: Callable[[str], Path], create: bool
) -> None:
    path = versioned("0000")
    before = contents(path.parent)
    with pytest.raises(SchemaError) as caught:
        Database(url(path), create=create)
    assert str(caught.value) == (f"{path} has schema 0, this version needs {SCHEMA_VERSION}; run: workbench db upgrade")
    assert contents(path.parent) == before


def test_upgrading_a_newer_schema_is_refused_and_nothing_is_written(versioned: Callable[[str], Path]) -> None:
    path = versioned("0099")
    before = contents(path.parent)
    database = Database(url(path), check=False)
    with pytest.raises(SchemaError, match=f"has schema 99, this version knows up to {SCHEMA_VERSION}"):
        database.upgrade()
    database.close()
    assert contents(path.parent) == before


def test_commands_refuse_a_newer_schema_in_one_line(versioned: Callable[[str], Path], workbench: Any) -> None:
    path = versioned("0099")
    before = contents(path.parent)
    for command in (("leaderboard",), ("runs",), ("db", "upgrade"), ("run", "--task", "recommend", "--trials", "1")):
        called = workbench(*command, "--db", url(path))
        assert called.code == 2, command
        assert called.out == ""
        assert called.err.count("\n") == 1 and called.err.startswith(f"error: {path} has schema 99"), command
    assert contents(path.parent) == before


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", [b"user,item\nu1,i1\n" * 200, b"\0" * 5000, b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes, create: bool) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Database(url(path), create=create)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
    assert contents(tmp_path) == {"ratings.csv": content}


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A database of somebody else, with a table that is called as one of ours."""
    path = tmp_path / "folder" / "chinook.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE run (athlete TEXT, kilometres REAL)")
        connection.execute("INSERT INTO run VALUES ('Ada', 42.195)")
        connection.commit()
    return path


def test_a_database_of_somebody_else_is_refused_and_nothing_is_written(foreign: Path) -> None:
    before = contents(foreign.parent)
    with pytest.raises(SchemaError, match=r"chinook\.db is no Workbench database; workbench run makes one, --db names"):
        Database(url(foreign))
    assert contents(foreign.parent) == before


def test_a_run_into_a_database_of_somebody_else_with_equal_names_is_refused_and_nothing_is_written(
    foreign: Path,
) -> None:
    before = contents(foreign.parent)
    with pytest.raises(StoreError, match="run"):
        Database(url(foreign), create=True)
    after = contents(foreign.parent)
    assert after[foreign.name] == before[foreign.name]
    with closing(sqlite3.connect(foreign)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("run",)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_upgrading_a_database_of_somebody_else_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    before = contents(tmp_path)
    database = Database(url(path), check=False)
    with pytest.raises(SchemaError, match="is no Workbench database"):
        database.upgrade()
    database.close()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("version", ["abc", "8f3c21d0a1b2"])
def test_a_version_that_is_no_number_is_refused_in_one_line(versioned: Callable[[str], Path], version: str) -> None:
    with pytest.raises(SchemaError, match="is no Workbench database"):
        Database(url(versioned(version)))


def test_a_missing_database_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=r"no database at .*workbench\.db; workbench run makes one, --db names another"
    ):
        Database(url(tmp_path / "workbench.db"))
    assert contents(tmp_path) == {}


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "workbench.db"
    with pytest.raises(StoreError) as caught:
        Database(url(path), create=True)
    assert str(caught.value) == f"--db {path}: there is no folder {path.parent}"


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    for create in (False, True):
        with pytest.raises(StoreError, match="unable to open database file"):
            Database(url(tmp_path), create=create)


@pytest.mark.parametrize("name", ["sales%20q1.db", "a@b@c.db", "what?.db", "100% #1.db", "a?b.db", "ü+1.db", "a b.db"])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_file_is_called_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, absolute: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(tmp_path / name) if absolute else name
    with closing(Database(f"sqlite:///{path}", create=True)) as opened:
        assert opened.name == path
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("sqlite:///~/x.db", "there is no folder ~; write your home folder out"),
        ("sqlite:///x.db?tiemout=1", "no option 'tiemout' of SQLite is known here; known are timeout,"),
    ],
)
def test_what_cannot_be_meant_as_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=re.escape(said)):
        Database(address, create=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["sqlite:///", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(address: str) -> None:
    with pytest.raises(StoreError, match="keeps nothing"):
        Database(address, create=True)


@pytest.mark.parametrize("address", ["workbench.db", "sqlite://", "", "nosuch://x", "sqlite:/x", "://"])
def test_what_is_no_address_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(StoreError, match=r"sqlite:///file\.db"):
        Database(address, create=True)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://ada:c%40nary@host/db", "mysql is no kind of database that can be used"),
        ("postgresql+psycopg2://ada:c%40nary@host/db", r"postgresql\+psycopg2 is no kind of database"),
        ("postgresql://ada:c@nary@host/db", "write one in a user's name or password as %40"),
        ("postgresql://ada:x@host:c%40nary/db", "no database address"),
        ("postgresql:/ada:c%40nary@host/db", "no database address"),
        ("ada:c%40nary@host/db", "no database address"),
    ],
)
def test_an_address_that_is_refused_is_not_quoted_with_its_password(address: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        Database(address, create=True)
    assert "nary" not in "".join(traceback.format_exception(caught.value))


def test_what_fails_in_a_transaction_is_undone(database: Database) -> None:
    def work(connection: Connection) -> float:
        connection.execute(BLOB)
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        database.write(work)
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.blob)).scalar() == 0


def test_foreign_keys_are_enforced_on_every_connection(database: Database) -> None:
    row = {"run_id": 77, "path": "model", "kind": "model", "sha256": "0" * 64}
    for _ in range(3):
        database.engine.dispose()
        with pytest.raises(StoreError, match="FOREIGN KEY constraint failed"):
            database.write(lambda connection: connection.execute(sa.insert(schema.artifact).values(**row)))


def test_a_run_that_is_deleted_takes_its_trials_along(database: Database, score_trial: Any) -> None:
    score_trial(0.5)
    database.write(lambda connection: connection.execute(sa.delete(schema.run)))
    with database.read() as connection:
        for table in (schema.trial, schema.trial_metric, schema.run_model):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


def test_every_commit_reaches_the_disk(database: Database) -> None:
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_read_sees_one_state_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    reader = Database(url(tmp_path / "workbench.db"), create=True)
    count = sa.select(sa.func.count()).select_from(schema.blob)
    blocked = []
    with reader.read() as connection:
        assert connection.execute(count).scalar() == 0

        def write() -> None:
            other = Database(url(tmp_path / "workbench.db"))
            other.write(lambda connection: connection.execute(BLOB))
            other.close()
            blocked.append(False)

        thread = threading.Thread(target=write)
        thread.start()
        assert connection.execute(count).scalar() == 0
    thread.join(timeout=60)
    assert blocked == [False]
    with reader.read() as connection:
        assert connection.execute(count).scalar() == 1
    reader.close()


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


@pytest.fixture
def holder(database: Database) -> Any:
    """Another process that holds the write lock until it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, database.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_writer_waits_for_another_process(database: Database, holder: subprocess.Popen[bytes]) -> None:
    ended = threading.Event()

    def write() -> None:
        database.write(lambda connection: connection.execute(BLOB))
        ended.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not ended.wait(0.3)
    assert holder.stdin is not None
    holder.stdin.write(b"\n")
    holder.stdin.flush()
    assert ended.wait(60)
    thread.join()


def test_a_lock_that_is_never_let_go_is_one_line(
    database: Database, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    impatient = Database(f"sqlite:///{database.name}")
    with pytest.raises(StoreError, match=r"workbench\.db: database is locked"):
        impatient.write(lambda connection: connection.execute(BLOB))
    impatient.close()


def test_a_full_disk_undoes_the_transaction_and_the_database_stays_sound(database: Database, score_trial: Any) -> None:
    kept = score_trial(0.5)

    @sa.event.listens_for(database.engine, "connect")
    def full(connection: Any, _: Any) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    database.engine.dispose()

    def fill(connection: Connection) -> None:
        connection.execute(BLOB)
        connection.execute(sa.insert(schema.blob_chunk).values(sha256="0" * 64, number=0, data=b"x" * 2**20))

    with pytest.raises(StoreError, match="full"):
        database.write(fill)
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(schema.blob)).scalar() == 0
        assert connection.execute(sa.select(schema.trial.c.uuid)).scalars().all() == [kept]
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


@pytest.mark.parametrize(("unsafe", "journal"), [(True, "delete"), (False, "wal")])
def test_the_journal_is_a_log_only_where_that_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unsafe: bool, journal: str
) -> None:
    monkeypatch.setattr(sqlite, "wal_is_unsafe", lambda: unsafe)
    database = Database(url(tmp_path / "workbench.db"), create=True)
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == journal
    database.close()


@pytest.mark.parametrize(
    ("version", "unsafe"),
    [((3, 6, 23), False), ((3, 7, 0), True), ((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False)],
)
def test_versions_with_the_reset_bug_are_known(version: tuple[int, int, int], unsafe: bool) -> None:
    assert wal_is_unsafe(version) is unsafe


def test_a_backup_is_a_whole_copy_beside_the_database(database: Database, score_trial: Any) -> None:
    kept = score_trial(0.5)
    path = Path(str(database.back_up()))
    assert path.parent == Path(database.name).parent
    copy = Database(url(path))
    with copy.read() as connection:
        assert connection.execute(sa.select(schema.trial.c.uuid)).scalars().all() == [kept]
    copy.close()


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=40))
def test_whatever_is_given_as_an_address_is_a_database_or_one_line(text: str) -> None:
    if text.startswith("sqlite"):
        return
    with pytest.raises(UserError) as caught:
        Database(text)
    assert "\n" not in str(caught.value)


def test_processes_that_make_the_same_database_at_once_all_succeed(tmp_path: Path) -> None:
    code = "import sys; from workbench.store.database import Database; Database(sys.argv[1], create=True)"
    address = url(tmp_path / "workbench.db")
    started = [
        subprocess.Popen([sys.executable, "-c", code, address], stderr=subprocess.PIPE, cwd=tmp_path) for _ in range(4)
    ]
    for process in started:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err.decode()
    assert Database(address).version() == SCHEMA_VERSION


def test_a_backup_into_a_full_disk_is_one_line(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(path: Path) -> Any:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite.sqlite3, "connect", connect)
    with pytest.raises(StoreError, match=r"workbench\.db: unable to open database file"):
        database.back_up()
