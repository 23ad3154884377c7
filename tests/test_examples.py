"""The scripts in examples/ run as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def run(script: str, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / script, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_script_runs_on_a_small_file(ratings: Path) -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == {"recommend.py", "compare_runs.py"}
    out = run("recommend.py", "ratings.csv", "6s", cwd=ratings.parent).splitlines()
    assert "has ndcg@10" in out[0]
    assert [line.split()[:2] for line in out[-6:-3]] == [["u1", "1"], ["u1", "2"], ["u1", "3"]]
    lines = run("compare_runs.py", "workbench.db", cwd=ratings.parent).splitlines()
    assert {line.split()[0] for line in lines} >= {"popular", "ease"}
