"""The fixtures that pytest finds wherever Workbench is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path

from tests.conftest import FIRST, ROOT

NAME = "workbench.testing.pytest_plugin"

TESTS = """
import workbench
from workbench.discovery import discover


def test_the_store_is_new_and_the_default(workbench_store, tmp_path):
    assert workbench_store == f"sqlite:///{tmp_path}/workbench.db"
    assert workbench.leaderboard(task="recommend").num_rows == 0


def test_the_registry_has_no_outside_plugins(workbench_registry):
    assert "ease" in workbench_registry.models("recommend")
    assert "recent" not in workbench_registry.models("recommend")
    assert [plugin.state for plugin in discover() if plugin.name == "acme"] == ["blocked"]


def test_the_others_have_them():
    assert [plugin.state for plugin in discover() if plugin.name == "acme"] == ["loaded"]
"""


def test_the_fixtures_serve_the_tests_of_a_plugin(install: Callable[..., Path], tmp_path: Path) -> None:
    folder = install(
        "acme",
        """
        @hookimpl
        def workbench_models():
            return [ModelSpec("recent", "recommend", "acme:Recent", "what was taken lately")]
        """,
    )
    (tmp_path / "test_acme.py").write_text(textwrap.dedent(TESTS), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", NAME, "-p", "no:cacheprovider", "test_acme.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*FIRST, str(folder)]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout.decode()
    assert "3 passed" in done.stdout.decode()


def test_pytest_is_told_of_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"workbench": NAME}
