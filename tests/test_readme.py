"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Called

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The README's plugin, as pip would install it."""
    entry, model = (block for block in blocks("python") if "Recent" in block)
    (project,) = blocks("toml")
    site = tmp_path / "site"
    (site / "workbench_recent").mkdir(parents=True)
    (site / "workbench_recent/__init__.py").write_text(entry)
    (site / "workbench_recent/model.py").write_text(model)
    metadata = site / "workbench_recent-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: workbench-recent\nVersion: 1.0\n")
    points = project.replace("[project.entry-points.workbench]", "[workbench]").replace('"', "")
    (metadata / "entry_points.txt").write_text(points)
    return site


def test_the_plugin_is_searched_ranked_stored_and_served(
    workbench: Callable[..., Called], ratings: Path, plugin: Path
) -> None:
    env = {"PYTHONPATH": str(plugin)}
    arguments = ("run", "--task", "recommend", "--data", "ratings.csv", "--models", "recent", "--trials", "2")
    called = workbench(*arguments, "--workers", "1", "--json", env=env)
    assert called.code == 0, called.err
    (row,) = (row for row in called.json["leaderboard"] if row["model"] == "recent")
    assert row["plugin"] == "workbench-recent"
    assert workbench("predict", row["trial"], "--users", "u1", env=env).code == 0
    assert "recent" in workbench("leaderboard").out, "its trials still show when it is no longer installed"
    gone = workbench("predict", row["trial"], "--users", "u1")
    assert gone.code == 2
    assert "model 'recent' is of workbench-recent 1.0, which is not installed; get it back" in gone.err


def test_the_python_example_runs(ratings: Path) -> None:
    """Two minutes would be too long for a test, so the budget alone is another."""
    import subprocess
    import sys

    (example,) = (block for block in blocks("python") if "workbench.run" in block)
    script = ratings.parent / "example.py"
    script.write_text(example.replace('time="2m"', "trials=2"))
    done = subprocess.run([sys.executable, script], cwd=ratings.parent, capture_output=True, text=True, check=True)
    model, figure = done.stdout.split()
    assert model in README
    assert 0 < float(figure) < 1


def test_the_examples_that_read_the_database_run(workbench: Callable[..., Called], ratings: Path) -> None:
    """Those of the page on the database too, but for the one that needs a server."""
    import sqlite3
    import subprocess
    import sys

    workbench("run", "--task", "recommend", "--data", "ratings.csv", "--trials", "2", "--workers", "1")
    (query,) = blocks("sql")
    page = (ROOT / "docs/database.md").read_text(encoding="utf-8")
    others, (with_pandas, _) = blocks("sql", page), blocks("python", page)
    assert len(others) == 3
    with sqlite3.connect(ratings.parent / "workbench.db") as database:
        assert len(database.execute(query).fetchall()) == 2
        board, groups, ensemble = (database.execute(other).fetchall() for other in others)
    assert len(board) == 2
    assert groups
    assert ensemble == [], "two trials make none, but the question can be asked"
    script = ratings.parent / "example.py"
    script.write_text(with_pandas + "print(len(board))\n")
    done = subprocess.run([sys.executable, script], cwd=ratings.parent, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"


def test_the_commands_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"^    make (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{command}:", makefile, flags=re.MULTILINE)
