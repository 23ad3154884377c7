"""Databases that somebody else has written, with whatever they like in them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.mutating import COMMANDS, SOURCE, VALUES, mutate
from workbench import serving
from workbench.errors import StoreError, UserError
from workbench.exporting import export_study
from workbench.store import artifacts, check, queries, spool
from workbench.store.database import Database

TRIAL = "c803"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy of a real database."""
    return Path(shutil.copy(SOURCE, tmp_path / "theirs.db"))


def change(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def ask(path: Path) -> None:
    """All that reads a database, one after the other; each answers or refuses in one line."""

    def each() -> Iterator[Callable[[Database], Any]]:
        yield lambda database: [queries.leaderboard(database, board["id"]) for board in queries.boards(database)]
        yield queries.runs
        yield lambda database: queries.run(database, 1)
        yield lambda database: queries.trial(database, TRIAL)
        yield lambda database: serving.load(database, TRIAL).predict(users=["u1"], k=3)
        yield artifacts.listing
        yield check.problems
        yield lambda database: spool.load(database, queries_uuid(database))

    for question in each():
        try:
            with contextlib.closing(Database(f"sqlite:///{path}")) as database:
                question(database)
        except UserError as error:
            assert "\n" not in str(error)


def queries_uuid(database: Database) -> str:
    from workbench.store import resuming

    return str(resuming.resumable(database, 1)["uuid"])


_watched: list[set[str]] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched and event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link"):
        _watched[-1].update(os.fsdecode(name) for name in arguments[:2] if isinstance(name, str | bytes))


@pytest.fixture(scope="module", autouse=True)
def _hook() -> None:
    sys.addaudithook(_watch)  # stays for the length of the process, and does nothing where nobody watches


def text_columns() -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(SOURCE)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [(table, row) for table in tables for row in connection.execute(f"PRAGMA table_info({table})")]
    return [(table, row[1]) for table, row in rows if row[2].startswith(("VARCHAR", "TEXT", "JSON"))]


@settings(max_examples=12)
@given(
    st.sampled_from(text_columns()),
    st.sampled_from(["{}/../../OUTSIDE", "../../../OUTSIDE", "{}", "/OUTSIDE/{}", "a/../../OUTSIDE\0", "C:OUTSIDE"]),
)
def test_no_text_of_a_database_becomes_a_path(column: tuple[str, str], text: str) -> None:
    table, name = column
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(SOURCE, Path(folder) / "theirs.db"))
        with contextlib.closing(sqlite3.connect(path)) as connection, contextlib.suppress(sqlite3.IntegrityError):
            connection.execute("PRAGMA ignore_check_constraints = ON")
            start = TRIAL if table == "trial" else "OUTSIDE"
            where = " WHERE id = 1" if (table, name) == ("trial", "uuid") else ""
            connection.execute(f'UPDATE {table} SET "{name}" = ?{where}', (text.format(start),))
            connection.commit()
        _watched.append(set())
        try:
            ask(path)
        finally:
            opened = _watched.pop()
    assert not [each for each in opened if "OUTSIDE" in each]


def test_ids_that_lead_elsewhere_are_refused_before_anything_is_written(path: Path, tmp_path: Path) -> None:
    change(path, f"UPDATE trial SET uuid = '{TRIAL}/../../../../..{tmp_path}/OWNED' WHERE id = 1")
    with contextlib.closing(Database(f"sqlite:///{path}")) as database:
        with pytest.raises(StoreError, match=r"is damaged: trial.uuid is 'c803/.*, which is no 32 hexadecimal digits"):
            serving.load(database, TRIAL)
        found = check.problems(database)
    assert found[0].startswith("trial.uuid is 'c803/") and found[0].endswith("in the row of id 1")
    assert not (tmp_path / "OWNED").exists()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("trial.objective", "'high'", "trial.objective is 'high', which is no finite number"),
        ("trial.objective", "9e999", "trial.objective is inf, which is no finite number"),
        ("trial.draws", "'many'", "trial.draws is 'many', which is no whole number"),
        ("trial.tied", "'x'", "trial.tied is 'x', which is no truth value"),
        ("trial.finished_at", "'never'", "trial.finished_at is 'never', which is no time"),
        ("trial.note", "x'ff'", "trial.note is b'\\xff', which is no text"),
        ("trial.state", "'odd'", "trial.state is 'odd', which is no running, complete,"),
        ("trial.params", "'{\"a\": NaN}'", "which is no JSON of the kind that belongs there"),
        ("trial.params", f"'{'[' * 50_000}{']' * 50_000}'", "which is no JSON of the kind that belongs there"),
        ("run.versions", "'[1]'", "run.versions is '[1]', which is no JSON"),
        ("run.started_at", "'yesterday'", "run.started_at is 'yesterday', which is no time"),
        ("blob.size", "'many'", "blob.size is 'many', which is no whole number"),
        ("dataset.facts", "'7'", "dataset.facts is 7, which is no JSON"),
        ("dataset.facts", "'{\"notes\": 1e300}'", "dataset.facts is '{\"notes\": 1e300}', which is no JSON"),
        ("dataset.facts", "'{\"notes\": [[1]]}'", "dataset.facts is '{\"notes\": [[1]]}', which is no JSON"),
        ("dataset.facts", "'{\"headline\": null}'", "dataset.facts is '{\"headline\": null}', which is no JSON"),
        ("run.spent", f"'{{\"fit\": 1{'0' * 400}}}'", "which is no JSON of the kind that belongs there"),
    ],
)
def test_what_does_not_fit_its_column_is_one_line_that_names_it(path: Path, column: str, value: str, said: str) -> None:
    table, name = column.split(".")
    change(path, f"UPDATE {table} SET {name} = {value}")
    with contextlib.closing(Database(f"sqlite:///{path}")) as database:
        assert any(said in line for line in check.problems(database))
    ask(path)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["CREATE TRIGGER t AFTER UPDATE ON run BEGIN DELETE FROM trial; END"], "trigger 't' on run"),
        (["DROP VIEW leaderboard", "CREATE VIEW leaderboard AS SELECT 1 AS run"], "leaderboard is not the view"),
        (
            [
                "ALTER TABLE blob_chunk RENAME TO hidden",
                "CREATE VIEW blob_chunk AS SELECT zeroblob(9) AS data FROM hidden",
            ],
            "blob_chunk is no plain table",
        ),
        (
            ["DROP TABLE blob_chunk", "CREATE TABLE blob_chunk (sha256, number, data AS (zeroblob(9)))"],
            "blob_chunk is no plain table",
        ),
        (
            [
                "DROP TABLE workbench_version",
                "CREATE VIEW workbench_version AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                "SELECT i AS version_num FROM n WHERE i < 0",
            ],
            "workbench_version is no plain table",
        ),
    ],
)
def test_what_another_tool_has_planted_is_named_and_not_run(path: Path, statements: list[str], said: str) -> None:
    change(path, *statements)
    with pytest.raises(StoreError, match="holds what Workbench has not made") as caught:
        Database(f"sqlite:///{path}")
    assert said in str(caught.value)


def test_views_of_the_users_own_are_left_alone(path: Path) -> None:
    change(path, "CREATE VIEW best AS SELECT max(objective) FROM trial")
    with contextlib.closing(Database(f"sqlite:///{path}")) as database:
        assert check.problems(database) == []


def plant(path: Path, name: str, content: bytes, size: int, chunks: list[bytes], codec: str = "zstd") -> None:
    """Add a file to the model of the first trial."""
    sha256 = hashlib.sha256(content).hexdigest()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO blob VALUES (?, ?, ?, 1)", (sha256, size, codec))
        connection.executemany(
            "INSERT INTO blob_chunk VALUES (?, ?, ?)", [(sha256, *each) for each in enumerate(chunks)]
        )
        connection.execute("INSERT INTO artifact VALUES (NULL, 1, 1, 'model', ?, ?)", (name, sha256))


def test_a_small_file_does_not_fill_the_disk(path: Path, tmp_path: Path) -> None:
    piece = pa.Codec("zstd", 1).compress(bytes(artifacts.CHUNK), asbytes=True)
    plant(path, "bomb.bin", b"bomb", artifacts.CHUNK * 4096, [piece] * 4)
    with (
        contextlib.closing(Database(f"sqlite:///{path}")) as database,
        pytest.raises(StoreError, match=r"the model in .* is damaged: it says that [\d,]+ stored bytes hold"),
    ):
        artifacts.get(database, 1, 1, "model", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_is_written_when_its_hash_is_known_to_be_right(path: Path, tmp_path: Path) -> None:
    plant(path, "a.bin", b"another", 4, [b"four"], "raw")
    with (
        contextlib.closing(Database(f"sqlite:///{path}")) as database,
        pytest.raises(StoreError, match="its content does not match its hash"),
    ):
        artifacts.get(database, 1, 1, "model", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["a\0b", "x" * 5_000, "a/" * 600 + "b", "nul", "COM1.txt", "attributes.json/x", "a//b", "a/./b",
     "\x1b[31mx", "..", ".", "", "/x", "C:x", "a\\b", "\udcff"],
)  # fmt: skip
def test_a_file_of_an_artifact_has_a_plain_name(path: Path, tmp_path: Path, name: str) -> None:
    if name == "\udcff":
        change(path, "UPDATE artifact SET path = CAST(x'ff' AS TEXT) WHERE kind = 'model'")
    else:
        plant(path, name, b"four", 4, [b"four"], "raw")
    with contextlib.closing(Database(f"sqlite:///{path}")) as database, pytest.raises(StoreError) as caught:
        artifacts.get(database, 1, 1, "model", tmp_path / "out")
    assert len(str(caught.value)) < 400 and str(caught.value).isprintable()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content", ["[1]\n", "{\n", '{"trial": 1, "values": {}, "valid": {}, "reports": []}\n', "[" * 9_000 + "\n"]
)
def test_a_spool_that_no_run_has_written_is_refused(path: Path, content: str) -> None:
    with contextlib.closing(Database(f"sqlite:///{path}")) as database:
        database.beside(f"run-{'a' * 32}.spool").write_text(content)
        with pytest.raises(StoreError, match="is damaged: it holds what no run has put there"):
            spool.load(database, "a" * 32)


@pytest.mark.parametrize("number", range(8))
def test_a_database_changed_by_chance_is_answered_or_refused(path: Path, number: int) -> None:
    """Few, and in this process; `tests.store.mutating` asks about as many as one likes, each in a child."""
    mutate(path, random.Random(number))
    ask(path)


def test_the_changes_by_chance_reach_every_command() -> None:
    assert {command[0] for command in COMMANDS} == {"leaderboard", "show", "predict", "db"}
    assert None in VALUES


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("'$.options', json('[1]')", "options = [1]: write them as names with texts or numbers"),
        ("'$.encoding', 5", "encoding = 5: must be text"),
        ("'$.on_bad_rows', json('{}')", "--on-bad-rows {}: must be error, skip or skip-any"),
    ],
)
def test_settings_that_do_not_say_how_data_is_read_are_damage(path: Path, stored: str, said: str) -> None:
    change(path, f"UPDATE run SET settings = json_set(settings, {stored})")
    with pytest.raises(StoreError) as caught, contextlib.closing(Database(f"sqlite:///{path}")) as database:
        serving.load(database, TRIAL)
    assert str(caught.value) == f"{path} is damaged: the settings of run 1: {said}"


def test_settings_that_are_not_stored_are_the_usual_ones(path: Path) -> None:
    change(path, "UPDATE run SET settings = '{}'")
    with contextlib.closing(Database(f"sqlite:///{path}")) as database:
        assert serving.load(database, TRIAL).settings.encoding == "utf-8"


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE run_model SET space = '{"k": {"kind": "x"}}'""",
        "UPDATE run_model SET space = '{\"k\": 1}'",
        "DELETE FROM trial_metric",
    ],
)
def test_what_cannot_be_a_study_is_damage(path: Path, tmp_path: Path, statement: str) -> None:
    change(path, statement)
    with (
        contextlib.closing(Database(f"sqlite:///{path}")) as database,
        pytest.raises(StoreError, match=r"^.*theirs\.db is damaged: run 1 cannot be made into studies: "),
    ):
        export_study(database, 1, f"sqlite:///{tmp_path}/optuna.db")
