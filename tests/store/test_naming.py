"""What data is called."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from workbench.store import queries
from workbench.store.database import Database
from workbench.store.naming import called


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"data": "/home/me/second.csv.gz"}, "second.csv.gz"),
        ({"data": "/photos/"}, "photos"),
        ({"data": "(table)"}, "first.csv"),
        ({"data": None}, "first.csv"),
        ({"data": "/"}, "first.csv"),
        ({"data": 7}, "first.csv"),
        ([], "first.csv"),
    ],
)
def test_a_run_calls_its_data_as_the_file_that_it_was_given(settings: Any, name: str) -> None:
    assert called(settings, "first.csv") == name


def test_runs_and_boards_call_equal_data_as_each_run_did(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    shutil.copy(ROOT / "tests/databases/schema-1.db", path)
    with closing(sqlite3.connect(path)) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(run)")]
        copied = ", ".join({"id": "2", "uuid": f"'{'0' * 32}'"}.get(name, name) for name in columns)
        database.execute(f"INSERT INTO run SELECT {copied} FROM run WHERE id = 1")
        for run, file in ((1, "/x/one.csv"), (2, "/y/two.csv")):
            (settings,) = database.execute("SELECT settings FROM run WHERE id = ?", [run]).fetchone()
            given = json.dumps({**json.loads(settings), "data": file})
            database.execute("UPDATE run SET settings = ? WHERE id = ?", [given, run])
    with closing(Database(f"sqlite:///{path}")) as database:
        assert [row["dataset"] for row in queries.runs(database)] == ["two.csv", "one.csv"]
        assert queries.run(database, 1)["dataset"] == "one.csv"
        found = {
            asked: [board["dataset"] for board in queries.boards(database, data=asked)]
            for asked in (None, "one.csv", "two.csv", "three.csv")
        }
        assert found == {None: ["two.csv"], "one.csv": ["one.csv"], "two.csv": ["two.csv"], "three.csv": []}
        assert [board["dataset"] for board in queries.boards(database, run=1)] == ["one.csv"]
