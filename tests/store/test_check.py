"""`workbench db check` finds what is wrong and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.store import check, schema
from workbench.store.database import Database
from workbench.store.writer import RunWriter


@pytest.fixture
def kept(database: Database, writer: RunWriter, score_trial: Callable[..., str], tmp_path: Path) -> Database:
    """A database with a trial and two stored files."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"first")
    (folder / "b.bin").write_bytes(b"second")
    writer.finalists_ended({}, {score_trial(0.5): writer.stage(folder)})
    return database


def test_a_sound_database_has_no_problems(kept: Database) -> None:
    assert check.problems(kept) == []


def test_every_damaged_file_is_listed_by_name(kept: Database) -> None:
    kept.write(lambda connection: connection.execute(sa.update(schema.blob_chunk).values(data=b"other")))
    found = check.problems(kept)
    assert len(found) == 2
    assert found[0].startswith("model file a.bin of run 1") and "does not match its hash" in found[0]
    assert found[1].startswith("model file b.bin of run 1")


def test_a_row_that_points_nowhere_is_named(kept: Database) -> None:
    with closing(sqlite3.connect(kept.name)) as connection:  # foreign keys are off outside
        connection.execute("DELETE FROM run")
        connection.commit()
    assert "row 1 of trial names a row of run that is not there" in check.problems(kept)


def test_a_damaged_file_is_a_problem_or_one_line(kept: Database) -> None:
    kept.close()
    content = bytearray(Path(kept.name).read_bytes())
    content[4096 * 2 : 4096 * 6] = b"\xa5" * (4096 * 4)
    Path(kept.name).write_bytes(content)
    try:
        assert check.problems(kept)
    except StoreError as error:
        assert "\n" not in str(error)


def test_the_command_says_it_and_ends_with_2(kept: Database, workbench: Any) -> None:
    address = f"sqlite:///{kept.name}"
    called = workbench("db", "check", "--db", address)
    assert (called.code, called.out) == (0, f"{kept.name} is sound\n")
    kept.write(lambda connection: connection.execute(sa.delete(schema.blob_chunk)))
    called = workbench("db", "check", "--db", address, "--json")
    assert called.code == 2
    assert [line.split(" in ")[0] for line in called.json["problems"]] == [
        "model file a.bin of run 1",
        "model file b.bin of run 1",
    ]
