"""The main job from Python: `workbench.run`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import workbench
from tests.processes import children
from workbench.errors import SettingsError, UnknownName
from workbench_recommend.task import made_up_ratings


@pytest.fixture
def table() -> pa.Table:
    return made_up_ratings(seed=1, users=40, items=30)


def test_a_script_without_a_main_guard_runs(ratings: Path) -> None:
    """Workers are started as processes of their own, so that they never import the user's script."""
    script = ratings.parent / "script.py"
    script.write_text(
        "import workbench\n"
        "result = workbench.run('recommend', 'ratings.csv', trials=3, models='ease,popular', workers=1)\n"
        "print(result.best['model'], len(result.leaderboard), result.exit_code)\n"
    )
    done = subprocess.run([sys.executable, script], cwd=ratings.parent, capture_output=True, text=True, check=True)
    model, rows, code = done.stdout.split()
    assert model in ("ease", "popular")
    assert (rows, code) == ("2", "0")


def test_tables_of_any_arrow_library_give_the_same_run(table: pa.Table, tmp_path: Path) -> None:
    found = []
    for number, data in enumerate((table, pd.DataFrame(table.to_pydict()), pl.DataFrame(table))):
        result = workbench.run(
            "recommend", data, db=f"sqlite:///{tmp_path}/{number}.db", trials=2, models=["ease"], workers=1
        )
        found.append([(row["model"], row["valid"], row["test"]) for row in result.leaderboard])
    assert found[0] == found[1] == found[2]


def test_two_runs_of_one_board_share_a_leaderboard(table: pa.Table, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/both.db"
    for l2 in (10.0, 100.0):
        workbench.run("recommend", table, db=url, trials=1, models="ease", set={"ease.l2": l2}, workers=1)
    from workbench.store import queries
    from workbench.store.database import Database

    database = Database(url)
    (board,) = queries.boards(database)
    rows = queries.leaderboard(database, board["id"])
    assert {row["run"] for row in rows} == {1, 2}
    assert {row["params"].get("l2") for row in rows} == {None, 10.0, 100.0}


def test_settings_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none.db"
    with pytest.raises(UnknownName, match="no setting 'trails'; did you mean 'trials'"):
        workbench.run("recommend", "nowhere.csv", db=url, trails=3)
    with pytest.raises(SettingsError, match="a whole number"):
        workbench.run("recommend", "nowhere.csv", db=url, trials=2.5)
    assert not (tmp_path / "none.db").exists()


def test_nothing_is_left_behind(table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    workbench.run("recommend", table, db=f"sqlite:///{tmp_path}/x.db", trials=2, workers=2)
    assert list((tmp_path / "scratch").iterdir()) == []
    assert children() == []


def test_on_large_data_the_search_scores_some_of_the_users_and_test_all(
    table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(most: int) -> tuple[str, list[dict[str, object]]]:
        monkeypatch.setattr("workbench.parts.SEARCH_EXAMPLES", most)
        url = f"sqlite:///{tmp_path}/{most}.db"
        result = workbench.run("recommend", table, db=url, trials=2, models="popular,ease", workers=1)
        from workbench.store import queries
        from workbench.store.database import Database

        return queries.run(Database(url), 1)["split_summary"], result.leaderboard

    (whole, all_rows), (summary, few_rows) = scored(10_000), scored(10)
    assert "the search scores" not in whole
    assert summary.startswith(whole) and "the search scores 2" in summary, "about 10 of 40 users"
    assert {row["model"]: row["test"] for row in few_rows if row["model"] == "popular"} == {
        row["model"]: row["test"] for row in all_rows if row["model"] == "popular"
    }
    assert few_rows[0]["valid"] != all_rows[0]["valid"]
