"""The examples that add a command, a metric and an observer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import workbench
from tests.conftest import ROOT
from tests.examples.conftest import PLUGINS
from workbench.cli import cli
from workbench.discovery import discover

NAMES = ("workbench-report", "workbench-serendipity", "workbench-jsonl")


def test_they_are_loaded_with_what_they_bring(example: Callable[[str], Path]) -> None:
    for name in NAMES:
        example(name)
    found = {plugin.distribution: plugin for plugin in discover()}
    assert [(found[name].state, found[name].reason) for name in NAMES] == [("loaded", "")] * 3
    assert found["workbench-report"].commands == ("report",)
    assert [metric.name for metric in found["workbench-serendipity"].metrics] == ["serendipity@10"]
    assert found["workbench-jsonl"].observes == ("workbench_trial_finished", "workbench_run_finished")


def test_their_own_tests_pass(example: Callable[[str], Path], tmp_path: Path) -> None:
    for name in NAMES:
        example(name)
    folders = [PLUGINS / name / "tests" for name in NAMES]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *folders]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def test_the_report_is_the_leaderboard(example: Callable[[str], Path], tmp_path: Path) -> None:
    example("workbench-report")
    shutil.copy(ROOT / "tests/databases/schema-1.db", tmp_path / "w.db")
    url, output = f"sqlite:///{tmp_path}/w.db", tmp_path / "report.md"
    called = CliRunner().invoke(cli, ["--db", url, "report", str(output), "--top", "3"])
    assert (called.exit_code, called.output) == (0, f"3 trials written to {output}\n")
    rows = workbench.leaderboard(db=url, top=3).to_pylist()
    lines = output.read_text().splitlines()
    assert lines[0] == f"# Leaderboard: {rows[0]['metric']}"
    assert [line.split(" | ")[1:4] for line in lines if line[:3] in ("| 1", "| 2", "| 3")] == [
        [row["model"], f"`{row['trial']}`", f"{row['valid']:.4f}"] for row in rows
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_says_how_it_is_installed_and_which_versions_it_is_for(name: str) -> None:
    assert f"pip install {name}" in (PLUGINS / name / "README.md").read_text()
    assert '"automl-workbench>=0.1,<0.2"' in (PLUGINS / name / "pyproject.toml").read_text()
