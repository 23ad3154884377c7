"""PostgreSQL: the schema, connections that drop, many writers, refusals, and the whole way through the commands."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection

from tests.store.conftest import begin
from tests.store.server import SPELLINGS, Proxy, Server, free_port
from workbench.errors import SchemaError, StoreError, UserError
from workbench.store import check, cleaning, postgresql, queries, schema
from workbench.store.database import Database, rereading
from workbench.store.rows import FinalistRow, ModelRow, RunRow, TrialRow
from workbench.store.schema import SCHEMA_VERSION, VERSION_TABLE, metadata
from workbench.store.views import VIEWS
from workbench.store.writer import RunWriter

BLOB = sa.insert(schema.blob).values(sha256="0" * 64, size=1, codec="raw", complete=True)


@pytest.fixture
def name(server: Server) -> str:
    """A database with the schema, by its name on the server."""
    return server.make("filled")


@pytest.fixture
def database(server: Server, name: str) -> Iterator[Database]:
    """The same, open."""
    with closing(Database(server.url(name))) as opened:
        yield opened


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """Between a client and the server."""
    started = Proxy(server.port)
    yield started
    started.close()


def total(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


# The schema


def shape(engine: sa.Engine) -> dict[str, Any]:
    """Tables, columns, keys, constraints, views: all but types, which are each database's own."""
    inspector = sa.inspect(engine)
    found: dict[str, Any] = {
        "tables": sorted(inspector.get_table_names()),
        "views": {view: [c["name"] for c in inspector.get_columns(view)] for view in inspector.get_view_names()},
    }
    for table in metadata.tables:
        found[table] = {
            "columns": [(column["name"], column["nullable"]) for column in inspector.get_columns(table)],
            "primary key": inspector.get_pk_constraint(table)["constrained_columns"],
            "foreign keys": sorted(
                (key["name"], key["constrained_columns"], key["referred_table"], key["options"].get("ondelete"))
                for key in inspector.get_foreign_keys(table)
            ),
            "unique": sorted((rule["name"], rule["column_names"]) for rule in inspector.get_unique_constraints(table)),
            "checks": sorted(rule["name"] for rule in inspector.get_check_constraints(table)),
        }
    return found


def test_tables_and_views_are_those_of_sqlite(database: Database, empty_database: Path) -> None:
    with closing(Database(f"sqlite:///{empty_database}")) as file:
        assert shape(database.engine) == shape(file.engine)


def test_autogenerate_finds_nothing_to_change_after_the_migrations(database: Database) -> None:
    options = {"compare_type": True, "version_table": VERSION_TABLE, "target_metadata": metadata}
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_the_index_of_leaderboards_holds_scored_trials_alone(server: Server, name: str) -> None:
    ((sql,),) = server.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_trial_board'", database=name)
    assert "(board_id, draws DESC, objective DESC) WHERE" in sql
    assert "'complete'" in sql and "objective IS NOT NULL" in sql


def test_ids_sort_by_their_characters_whatever_the_language(server: Server, name: str) -> None:
    found = server.execute(
        "SELECT table_name, collation_name FROM information_schema.columns WHERE column_name = 'uuid' ORDER BY 1",
        database=name,
    )
    assert found == [("run", "C"), ("trial", "C")]


def test_the_schema_is_made_whole_or_not_at_all(server: Server) -> None:
    class Stop(Exception):
        pass

    def stop(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.strip().startswith("CREATE VIEW run_summary"):
            raise Stop

    name = server.make()
    sa.event.listen(sa.Engine, "before_cursor_execute", stop)
    try:
        with pytest.raises(Stop):
            Database(server.url(name), create=True)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", stop)
    assert server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=name) == []
    with closing(Database(server.url(name), create=True)) as database:
        assert database.version() == SCHEMA_VERSION


# Connections that drop


def life_of_a_run(database: Database, run_row: RunRow, folder: Path) -> int:
    """Everything that a run writes, to be compared with `is_whole`."""
    writer = begin(database, run_row, [ModelRow("popular", "p", "1", "searched")])
    ids = [f"{writer.run:016x}{number:016x}" for number in (1, 2)]
    for number, id in enumerate(ids, 1):
        writer.trial_started(TrialRow(id, number, "popular", "p", {"l2": 1.0, "k": number}, 0, 1, "cpu"))
        values = {"state": "complete", "objective": 0.5, "draws": 1}
        writer.trial_ended(id, values, {"ndcg@10": (0.5, 0.4, 0.6), "hit@10": (0.7, None, None)}, [(1, 0.1), (2, 0.2)])
    group = {"grouped_by": "activity", "name": "few", "metric": "ndcg@10", "value": 0.4, "count": 7}
    (folder / "content").write_text(str(writer.run))  # of its own for each run
    mistake = {"example": "row 3", "right_class": "a", "predicted_class": "b", "probability": 0.6}
    best = FinalistRow({"final_rank": 1}, {"ndcg@10": (0.4, None, None)}, [group], [mistake])
    writer.finalists_ended({ids[0]: best}, {ids[0]: writer.stage(folder)})
    writer.finish("interrupted", "", {"search": 1.0})
    resumed = RunWriter.take_over(database, writer.run, run_row, [], lambda: 1.0)
    resumed.finish("complete", "", {"search": 1.0})
    return writer.run


def assert_is_whole(database: Database, run: int, runs: int) -> None:
    """The run has all its rows once, and there are so many runs."""
    assert total(database, schema.run) == runs
    found = queries.run(database, run)
    assert (found["state"], found["trials"], found["best_test"]) == ("complete", {"complete": 2}, 0.4)
    assert [model["model"] for model in found["models"]] == ["popular"]
    with database.read() as connection:
        assert connection.execute(sa.select(schema.run.c.fence).where(schema.run.c.id == run)).scalar() == 2
    counts = {"trial_param": 4, "trial_metric": 5, "trial_report": 4, "trial_group": 1, "trial_mistake": 1}
    for table, rows in counts.items():
        counted = sa.select(sa.func.count()).select_from(metadata.tables[table].join(schema.trial))
        with database.read() as connection:
            assert connection.execute(counted.where(schema.trial.c.run_id == run)).scalar() == rows, table
    for table in (schema.artifact, schema.blob, schema.blob_chunk):
        assert total(database, table) == runs, table
    assert total(database, schema.board) == total(database, schema.dataset) == 1


@pytest.mark.parametrize("how", ["lost", "unanswered", "unnoticed"])
def test_a_connection_may_be_cut_at_any_message_and_nothing_is_lost_or_doubled(
    server: Server,
    name: str,
    proxy: Proxy,
    run_row: RunRow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    monkeypatch.setattr(postgresql, "PAUSE", 0.01)
    through = Database(server.url(name, proxy.port))
    direct = Database(server.url(name))
    message = 0
    with closing(through), closing(direct):
        while True:
            message += 1
            proxy.cut(message, how)
            run = life_of_a_run(through, run_row, tmp_path)
            assert_is_whole(direct, run, runs=message)
            if proxy.waits:
                break
    assert message > 40  # twelve transactions, each with its beginning, its statements and its COMMIT


def test_a_connection_that_calls_itself_busy_amid_many_rows_is_replayed(
    server: Server, name: str, run_row: RunRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    real, failures = psycopg.Cursor.executemany, iter([True])

    def executemany(cursor: Any, *arguments: Any, **how: Any) -> Any:
        if next(failures, False):
            raise psycopg.OperationalError("cannot exit pipeline mode while busy")
        return real(cursor, *arguments, **how)

    monkeypatch.setattr(psycopg.Cursor, "executemany", executemany)
    with closing(Database(server.url(name))) as database:
        assert_is_whole(database, life_of_a_run(database, run_row, tmp_path), runs=1)
    assert next(failures, None) is None, "it was met"


@contextmanager
def ended_at(server: Server, database: Database, point: int) -> Iterator[list[str]]:
    """End the connection at the n-th statement or COMMIT of a write; yields a list that names it once it happened."""
    left, ended = point, []

    def end(connection: Connection, what: str) -> None:
        nonlocal left
        if not connection.get_execution_options().get("immediate"):
            return
        left -= 1
        if not left:
            ended.append(what)
            server.end(connection.connection.dbapi_connection.info.backend_pid)  # type: ignore[union-attr]

    def statement(connection: Connection, cursor: Any, text: str, *rest: Any) -> None:
        end(connection, text)

    def commit(connection: Connection) -> None:
        end(connection, "COMMIT")

    with ExitStack() as stack:
        for event, listener in (("before_cursor_execute", statement), ("commit", commit)):
            sa.event.listen(database.engine, event, listener)
            stack.callback(sa.event.remove, database.engine, event, listener)
        yield ended


def test_a_connection_may_be_ended_at_any_statement_and_at_commit(
    server: Server, database: Database, run_row: RunRow, tmp_path: Path
) -> None:
    ended: list[str] = []
    for point in range(1, 1000):
        with ended_at(server, database, point) as happened:
            run = life_of_a_run(database, run_row, tmp_path)
        assert_is_whole(database, run, runs=point)
        if not happened:
            break
        ended += happened
    assert ended.count("COMMIT") == 12
    assert {text.split()[0] for text in ended} == {"SELECT", "INSERT", "UPDATE", "DELETE", "COMMIT"}


def test_what_was_committed_is_not_done_again_though_the_answer_was_lost(
    server: Server, name: str, proxy: Proxy
) -> None:
    with closing(Database(server.url(name, proxy.port))) as database:
        done = []

        def work(connection: Connection) -> int:
            done.append(bool(connection.execute(BLOB)))
            proxy.cut(1, "unanswered")  # the next message is COMMIT
            return 7

        assert database.write(work) == 7
        assert not proxy.waits
        assert done == [1]
        assert total(database, schema.blob) == 1


def test_a_read_whose_connection_drops_begins_again_and_sees_one_state(server: Server, name: str, proxy: Proxy) -> None:
    with closing(Database(server.url(name, proxy.port))) as database:
        for message in range(1, 30):
            proxy.cut(message, "lost")
            assert database.version() == SCHEMA_VERSION
            assert queries.runs(database) == []
            if proxy.waits:
                break
        assert 2 < message < 30
    for message in (3, 8):
        proxy.cut(message, "lost")
        with closing(Database(server.url(name, proxy.port))) as database:
            assert queries.runs(database) == []


def test_names_and_classes_of_any_length_are_kept(database: Database, run_row: RunRow) -> None:
    long = "ä" * 5_000
    row = replace(run_row, version=f"1+{long}", plugin=long)
    writer = begin(database, row, [ModelRow("popular", long, long, "searched")])
    with writer.lease.held():
        writer.trial_started(TrialRow("a" * 32, 1, "popular", long, {long: 10**400}, 0, 1, "cpu"))
        writer.trial_ended("a" * 32, {"state": "complete"}, {f"f1@{long}\0": (0.5, None, None)})
    with database.read() as connection:
        assert connection.execute(sa.select(schema.trial_metric.c.name)).scalar_one() == f"f1@{long}\\x00"
        number, text = connection.execute(sa.select(schema.trial_param.c.number, schema.trial_param.c.text)).one()
    assert (number, text) == (None, str(10**400))


def test_connections_that_drop_again_and_again_cost_nothing(server: Server, database: Database) -> None:
    tried = []

    def drop(connection: Connection, times: int) -> None:
        tried.append(1)
        if len(tried) <= times:
            server.end(connection.connection.dbapi_connection.info.backend_pid)  # type: ignore[union-attr]

    def work(connection: Connection) -> None:
        connection.execute(BLOB)
        drop(connection, 3)
        connection.execute(sa.select(1))

    @rereading
    def read(database: Database) -> int:
        with database.read() as connection:
            drop(connection, 7)
            return int(connection.execute(sa.select(sa.func.count()).select_from(schema.blob)).scalar_one())

    database.write(work)
    assert len(tried) == 4
    assert read(database) == 1
    assert len(tried) == 8


def test_a_write_that_ends_its_own_connection_is_given_up(
    server: Server, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "RECONNECT_SECONDS", 0.2)

    def work(connection: Connection) -> None:
        connection.execute(BLOB)
        server.end(connection.connection.dbapi_connection.info.backend_pid)  # type: ignore[union-attr]
        connection.execute(sa.select(1))

    with pytest.raises(StoreError) as caught:
        database.write(work)
    assert str(caught.value).startswith(database.name) and "\n" not in str(caught.value)
    assert total(database, schema.blob) == 0


def test_other_errors_are_not_replayed(database: Database) -> None:
    tried = []

    def doubled(connection: Connection) -> None:
        tried.append(bool(connection.execute(BLOB)))
        connection.execute(BLOB)

    def raising(connection: Connection) -> float:
        tried.append(bool(connection.execute(BLOB)))
        return 1 / 0

    with pytest.raises(StoreError, match="duplicate key value violates unique constraint"):
        database.write(doubled)
    with pytest.raises(ZeroDivisionError):
        database.write(raising)
    assert tried == [1, 1]
    assert total(database, schema.blob) == 0


def test_a_write_waits_for_a_server_that_is_started_again(server: Server, database: Database) -> None:
    assert total(database, schema.blob) == 0
    server.stop()
    starting = threading.Timer(0.3, server.start)
    starting.start()
    database.write(lambda connection: connection.execute(BLOB))
    starting.join()
    assert total(database, schema.blob) == 1


def test_a_server_that_stays_away_is_one_line(
    server: Server, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert total(database, schema.blob) == 0
    monkeypatch.setattr(postgresql, "RECONNECT_SECONDS", 0.05)
    server.stop()
    try:
        with pytest.raises(StoreError, match="refused") as caught:
            database.write(lambda connection: connection.execute(BLOB))
    finally:
        server.start()
    assert "\n" not in str(caught.value)


# Many at once


def test_processes_that_make_the_same_schema_at_once_all_succeed(server: Server) -> None:
    code = "import sys; from workbench.store.database import Database; Database(sys.argv[1], create=True)"
    address = server.url(server.make())
    started = [subprocess.Popen([sys.executable, "-c", code, address], stderr=subprocess.PIPE) for _ in range(4)]
    for process in started:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err.decode()
    with closing(Database(address)) as database:
        assert check.problems(database) == []


def test_sixteen_writers_make_one_schema_and_no_doubles(server: Server, run_row: RunRow, tmp_path: Path) -> None:
    name = server.make()
    together = threading.Barrier(16)
    (tmp_path / "content").write_text("equal for all")

    def write(_: int) -> int:
        together.wait(60)
        with closing(Database(server.url(name), create=True)) as database:
            writer = begin(database, run_row, [ModelRow("popular", "p", "1", "searched")])
            for number in (1, 2, 3):
                id = f"{writer.run:016x}{number:016x}"
                writer.trial_started(TrialRow(id, number, "popular", "p", {"k": number}, 0, 1, "cpu"))
                writer.trial_ended(id, {"state": "complete", "objective": 0.5}, {"ndcg@10": (0.5, None, None)})
            writer.finalists_ended({}, {id: writer.stage(tmp_path)})
            writer.finish("complete", "", {})
            return writer.run

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(write, range(16))) == list(range(1, 17))
    with closing(Database(server.url(name))) as database:
        rows = {table: total(database, metadata.tables[table]) for table in metadata.tables}
        assert check.problems(database) == []
    assert (rows["dataset"], rows["board"], rows["run"], rows["trial"]) == (1, 1, 16, 48)
    assert (rows["trial_metric"], rows["artifact"], rows["blob"], rows["blob_chunk"]) == (48, 16, 1, 1)


def test_a_writer_that_waits_too_long_for_another_is_told_so_in_one_line(
    server: Server, name: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "BUSY_SECONDS", 0.05)
    with closing(Database(server.url(name))) as impatient:

        def work(_: Connection) -> None:
            with pytest.raises(StoreError, match=r"another writer has kept it busy for 0\.05 s; try again"):
                impatient.write(lambda connection: connection.execute(BLOB))

        database.write(work)


def test_a_writer_that_froze_is_thrown_out_and_begins_again(
    server: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "IDLE_SECONDS", 0.1)
    tried = []

    def work(connection: Connection) -> None:
        tried.append(bool(connection.execute(BLOB)))
        if len(tried) == 1:
            pid = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
            while server.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)):
                time.sleep(0.02)

    with closing(Database(server.url(name))) as freezing:
        freezing.write(work)
        assert tried == [1, 1]
        assert total(freezing, schema.blob) == 1


def test_a_read_sees_one_state_whatever_is_written_meanwhile(server: Server, name: str, database: Database) -> None:
    counted = sa.select(sa.func.count()).select_from(schema.blob)
    with closing(Database(server.url(name))) as other, database.read() as connection:
        assert connection.execute(counted).scalar() == 0
        other.write(lambda writing: writing.execute(BLOB))
        assert connection.execute(counted).scalar() == 0
    assert total(database, schema.blob) == 1


# What is refused


def refusal(address: str, **how: bool) -> str:
    """The message, which is one line, without the password and with none in its traceback."""
    with pytest.raises(UserError) as caught:
        Database(address, **how)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert_no_password("".join(traceback.format_exception(caught.value)))
    return str(caught.value)


def assert_no_password(text: str) -> None:
    assert not [spelling for spelling in SPELLINGS if spelling in text], text


def test_a_wrong_password_is_one_line(server: Server) -> None:
    found = refusal(server.url("filled").replace(":c%40na", ":c%40nax"))
    assert found == (
        f'{server.name("filled")}: password authentication failed for user "ada"; '
        "check --db, and that the server runs and lets you in"
    )


def test_a_missing_database_is_one_line(server: Server) -> None:
    found = refusal(server.url("nowhere"), create=True)
    assert found.startswith(f'{server.name("nowhere")}: database "nowhere" does not exist; check --db')


def test_a_server_that_is_not_there_is_one_line(server: Server) -> None:
    port = free_port()
    found = refusal(server.url("filled", port), create=True)
    assert found.startswith(f"postgresql://ada@127.0.0.1:{port}/filled: ") and "refused" in found


def test_a_server_that_does_not_answer_is_given_up(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = server.url("filled", silent.getsockname()[1])
        assert "timeout" in refusal(f"{address}?connect_timeout=2")
    assert postgresql.CONNECT_SECONDS <= 30


def test_a_database_without_the_schema_is_refused_and_left_as_it_is(server: Server) -> None:
    name = server.make()
    assert refusal(server.url(name)).startswith(f"{server.name(name)} is no Workbench database; workbench run makes")
    with (
        closing(Database(server.url(name), check=False)) as database,
        pytest.raises(SchemaError, match="is no Workbench database"),
    ):
        database.upgrade()
    assert server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=name) == []


def test_a_database_of_somebody_else_with_equal_names_is_refused_and_left_as_it_is(server: Server) -> None:
    name = server.make()
    server.execute("CREATE TABLE run (athlete text)", database=name)
    assert refusal(server.url(name), create=True) == f'{server.name(name)}: relation "run" already exists'
    tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=name)
    assert tables == [("run",)]


@pytest.mark.parametrize("create", [False, True])
def test_a_newer_schema_is_refused_with_both_versions(server: Server, name: str, create: bool) -> None:
    server.execute(f"UPDATE {VERSION_TABLE} SET version_num = '0099'", database=name)
    found = refusal(server.url(name), create=create)
    assert found.startswith(f"{server.name(name)} has schema 99, this version knows up to {SCHEMA_VERSION}; upgrade")


def test_an_encoding_that_cannot_keep_every_text_is_refused(server: Server) -> None:
    name = server.make("template0", "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    assert "has encoding LATIN1, which cannot keep every text; make it with: createdb --encoding" in refusal(
        server.url(name), create=True
    )


def test_a_server_that_is_too_old_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "OLDEST", 99)
    assert re.search(r"the server is PostgreSQL \d\d; 99 or newer is needed", refusal(server.url("filled")))


def test_without_psycopg_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert refusal("postgresql://ada:c%40na@127.0.0.1/db") == (
        "--db postgresql://ada@127.0.0.1/db: PostgreSQL needs psycopg; pip install 'automl-workbench[postgresql]'"
    )


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ada:{0}@127.0.0.1:{1}/x",
        "postgresql+psycopg://ada:{0}@127.0.0.1:{1}/x",
        "postgres://ada:{0}@127.0.0.1:{1}/x",
        "postgresql://ada@127.0.0.1:{1}/x?password={0}",
        "postgresql://127.0.0.1:{1}/x?user=ada&password={0}&sslpassword={0}",
        "postgresql:///x?host=127.0.0.1&port={1}&user=ada&password={0}",
        "postgresql://ada:{0}@127.0.0.1:{1}/x?sslmode=nonsense",
        "postgresql://ada:{0}@127.0.0.1:{1}/x?no_such_option={0}",
        "postgresql://ada:{0}@no host at all/x",
    ],
)
@pytest.mark.parametrize("password", [SPELLINGS[2], "c@na"])
def test_no_message_and_no_traceback_shows_a_password(address: str, password: str) -> None:
    pytest.importorskip("psycopg")
    refusal(address.format(password, free_port()), create=True)


READ_ONLY = "cannot execute INSERT in a read-only transaction"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("-c role=reader", "permission denied for table blob"),
        ("-c role=clerk", "permission denied for table artifact"),
        ("-c default_transaction_read_only=on", READ_ONLY),
    ],
)
def test_who_may_only_read_is_refused_before_training_and_still_reads(
    server: Server, name: str, workbench: Callable[..., Any], ratings: Path, options: str, message: str
) -> None:
    for statement in (
        "DROP ROLE IF EXISTS reader, clerk",
        "CREATE ROLE reader",
        "CREATE ROLE clerk",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader, clerk",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk",
        "REVOKE INSERT ON artifact FROM clerk",
    ):
        server.execute(statement, database=name)
    address = f"{server.url(name)}?options={quote(options)}"
    try:
        called = workbench("run", "--task", "recommend", "--data", str(ratings), "--trials", "1", "--db", address)
        assert called.code == 2
        (line,) = called.err.splitlines()
        assert f": {message}; point --db elsewhere, or ask for that right" in line
        assert_no_password(line)
        assert workbench("runs", "--db", address).out == "no runs yet\n"
    finally:
        server.execute("DROP OWNED BY reader, clerk; DROP ROLE reader, clerk", database=name)


# What is wrong, and what nobody needs


def test_rows_that_point_nowhere_are_counted(server: Server, name: str, database: Database, run_row: RunRow) -> None:
    writer = begin(database, run_row, [ModelRow("popular", "p", "1", "searched")])
    writer.trial_started(TrialRow("f" * 32, 1, "popular", "p", {}, 0, 1, "cpu"))
    assert check.problems(database) == []
    server.execute("SET session_replication_role = replica; DELETE FROM run", database=name)
    assert check.problems(database) == [
        "1 rows of run_model name a row of run that is not there",
        "1 rows of trial name a row of run that is not there",
    ]


def test_what_was_dropped_is_named(server: Server, name: str, database: Database) -> None:
    server.execute("DROP INDEX ix_trial_board", database=name)
    server.execute("ALTER TABLE trial DROP CONSTRAINT fk_trial_run_id_run", database=name)
    assert check.problems(database) == [
        "fk_trial_run_id_run of table trial is missing",
        "ix_trial_board of table trial is missing",
    ]
    server.execute("DROP VIEW run_summary", database=name)
    server.execute("ALTER TABLE trial_report DROP COLUMN value", database=name)
    assert check.problems(database) == ["column trial_report.value is missing", "view run_summary is missing"]


def test_the_space_of_deleted_runs_is_used_again(database: Database, run_row: RunRow, tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(bytes(range(256)) * 2**14)
    writer = begin(database, run_row, [])
    writer.finalists_ended({}, {None: writer.stage(tmp_path)})
    writer.finish("complete", "", {})
    assert cleaning.sweep(database).blobs == 0
    assert cleaning.delete_run(database, writer.run) == 0
    swept = cleaning.sweep(database)
    assert (swept.blobs, swept.boards) == (1, 1)
    assert 0 < swept.bytes_after < swept.bytes_before
    assert total(database, schema.blob_chunk) == total(database, schema.dataset) == 0


# The whole way


class Commands:
    """Calls commands on one database, and lets none of them show the password."""

    def __init__(self, workbench: Callable[..., Any], address: str) -> None:
        self._workbench, self._address = workbench, address

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        called = self._workbench(*arguments, env={"WORKBENCH_DB": self._address})
        assert called.code == code, called.err
        assert_no_password(called.out + called.err)
        return called


def test_a_search_on_postgresql_from_the_first_command_to_the_last(
    server: Server, workbench: Callable[..., Any], ratings: Path, tmp_path: Path
) -> None:
    name = server.make()
    call = Commands(workbench, server.url(name))
    arguments = ("--data", str(ratings), "--trials", "3", "--models", "popular,ease", "--workers", "1")
    ran = workbench("run", "--task", "recommend", *arguments, "--db", server.url(name))
    assert ran.code == 0, ran.err
    assert_no_password(ran.out + ran.err)
    assert f"Stored in {server.name(name)} as run 1" in ran.out
    assert ran.out.rstrip().endswith(f"--db {server.name(name)}")

    board = call("leaderboard", "--json").json["leaderboard"]
    assert [row["rank"] for row in board] == list(range(1, len(board) + 1))
    assert {row["model"] for row in board} == {"popular", "ease"}
    best = board[0]["trial"]
    assert call("show", best, "--json").json["test"]["ndcg@10"]["value"] == board[0]["test"]
    assert call("show", "1", "--json").json["trials"] == {"complete": 3}
    answers = call("predict", best, "--users", "u1,u2", "-k", "3", "--json").json["predictions"]
    assert [(row["user"], row["rank"]) for row in answers] == [(user, k) for user in ("u1", "u2") for k in (1, 2, 3)]
    assert call("db", "check", "--debug").out == f"{server.name(name)} is sound\n"
    assert call("db", "upgrade", "--json").json == {
        "database": server.name(name),
        "from": SCHEMA_VERSION,
        "to": SCHEMA_VERSION,
        "backup": None,
    }
    call("show", "no such trial", "--debug", code=2)
    assert call("runs", "--delete", "1", "--json").json == {"deleted": 1, "trials": 3}
    assert call("db", "gc", "--json").json["blobs"] > 0
    assert call("runs").out == "no runs yet\n"

    rows = [server.execute(f"SELECT * FROM {table}", database=name) for table in (*metadata.tables, *VIEWS)]
    assert_no_password(str(rows))
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".db"]


@pytest.mark.parametrize("point", ["trial ended", "finalists"])
def test_a_killed_run_goes_on_from_its_rows(
    server: Server, workbench: Callable[..., Any], ratings: Path, point: str
) -> None:
    name = server.make("filled")
    address = server.url(name)
    arguments = ("run", "--task", "recommend", "--data", str(ratings), "--trials", "2", "--models", "popular,ease")
    killed = workbench(*arguments, "--workers", "1", env={"WORKBENCH_DB": address, "WORKBENCH_FAULT": f"kill@{point}"})
    assert killed.code == -9
    call = Commands(workbench, address)
    (row,) = call("runs", "--json").json["runs"]
    assert row["state"] == "lost"
    shown = workbench("runs", "--db", address)
    assert shown.out.endswith(f"go on with it: workbench resume 1 --db {server.name(name)}\n")
    assert_no_password(shown.out)
    resumed = call("resume", "1", "--json").json
    assert (resumed["state"], resumed["trials"]["complete"]) == ("complete", 2)
    assert resumed["leaderboard"][0]["test"] is not None
    assert call("db", "check", "--json").json["problems"] == []


def test_an_account_without_a_home_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as where the account has no name
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    backend = postgresql.Postgresql(sa.make_url("postgresql://user@nowhere/base"))
    own = tmp_path / f"workbench-{os.getuid()}"
    for _ in range(2):
        assert backend.beside("run.spool") == own / "workbench" / "run.spool"
    assert own.stat().st_mode & 0o777 == 0o700
    own.chmod(0o777)
    with pytest.raises(StoreError, match="is not this account's alone; set XDG_STATE_HOME"):
        backend.beside("run.spool")
