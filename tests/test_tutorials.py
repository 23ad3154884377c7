"""The tutorials, followed to the letter in an empty folder.

Of a page's fenced blocks, those with a title are files to write, those called `console` are commands to type after `$`;
the rest of a `console` block is what is seen. Blocks of Python without a title are read in what is there already.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import FIRST_PARTY, ROOT, Called
from tests.projects import install

MOST_TYPED = 12


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """(language, title or "", text) of each fenced block."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    yield from re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', text, flags=re.MULTILINE | re.DOTALL)


def _lines(printed: str) -> list[str]:
    """Without the width of columns, and of the plugins that come along only the one that is shown."""
    others = tuple(f"{name} " for name in FIRST_PARTY if name != "recommend")
    return [" ".join(line.split()) for line in printed.splitlines() if not line.startswith(others)]


class Follower:
    """Does in an empty folder what a page says; the files of a project that is not there yet wait for it."""

    def __init__(self, folder: Path, workbench: Callable[..., Called]) -> None:
        self.folder, self.workbench = folder, workbench
        self.paths: list[str] = []
        self.waiting: dict[str, str] = {}
        self.typed: list[str] = []
        self.printed: dict[str, str] = {}

    def follow(self, page: str) -> None:
        for language, title, text in blocks(page):
            if title:
                self.waiting[title] = text
            elif language == "console":
                for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, flags=re.MULTILINE):
                    self._type(shlex.split(command), shown)
            elif language == "python":
                self._look_for(text)
            self._write()

    def _write(self) -> None:
        """Write the files whose folders are there, and keep the lines that were not there before."""
        for title in [title for title in self.waiting if (self.folder / title).parent.is_dir()]:
            path, text = self.folder / title, self.waiting.pop(title)
            before = path.read_text().splitlines() if path.exists() else []
            changes = difflib.ndiff(before, text.splitlines())
            self.typed += [change[2:] for change in changes if change.startswith("+ ") and change[2:].strip()]
            path.write_text(text)

    def _type(self, command: list[str], shown: str) -> None:
        if command[:2] == ["pip", "install"]:
            project = self.folder / command[-1].partition("[")[0]
            install(project)
            self.paths.append(str(project))
        elif command[0] == "pytest":
            self._pytest(command[1:])
        else:
            assert command[0] == "workbench"
            called = self.workbench(*command[1:], env={"PYTHONPATH": os.pathsep.join(self.paths)})
            assert called.code == 0, called.err
            self.printed[" ".join(command)] = called.out
            if not command[1].startswith("run"):
                assert _lines(called.out) == _lines(shown)

    def _pytest(self, arguments: list[str]) -> None:
        path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), *self.paths])
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout

    def _look_for(self, text: str) -> None:
        """A fragment stands in one of the project's modules, whatever its indentation."""
        modules = [path.read_text() for path in self.folder.rglob("*.py")]
        assert any(_bare(text) in _bare(module) for module in modules), text


def _bare(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip()) + "\n"


@pytest.fixture
def follower(tmp_path: Path, workbench: Callable[..., Called]) -> Follower:
    return Follower(tmp_path, workbench)


def test_the_first_plugin_is_on_the_leaderboard_after_few_lines(follower: Follower) -> None:
    first, second, *_ = blocks("plugin-tutorial.md")
    assert [title for _, title, _ in (first, second)] == [
        "workbench-recent/workbench_recent/__init__.py",
        "workbench-recent/workbench_recent/model.py",
    ]
    follower.follow("plugin-tutorial.md")
    assert not follower.waiting
    assert len(follower.typed) == 10, "as the page says"
    assert len(follower.typed) <= MOST_TYPED
    (command,) = (command for command in follower.printed if " run " in command)
    rows = re.findall(r"^ *(\d+) [= ] +(\w+) ", follower.printed[command], flags=re.MULTILINE)
    ranks = {name: int(rank) for rank, name in rows}
    assert {"popular", "recent"} <= set(ranks)
    if "ratings.csv" in follower.printed[command]:  # else the sample package is not installed, and data is made up
        assert ranks["recent"] < ranks["popular"]


def test_the_task_is_searched_and_answers(follower: Follower) -> None:
    follower.follow("task-tutorial.md")
    assert not follower.waiting
    made_up, houses = (printed for command, printed in follower.printed.items() if " run " in command)
    assert " linear " in made_up
    assert all(f" {model} " in houses for model in ("mean", "linear", "nearest"))
    trial = re.findall(r"workbench predict (\w+)", houses)[0]
    env = {"PYTHONPATH": os.pathsep.join(follower.paths)}
    answered = follower.workbench("predict", trial, "--input", "new.csv", "--json", env=env).json
    assert [list(row) for row in answered["predictions"]] == [["prediction"]] * 2


@pytest.mark.parametrize("page", ["plugin-tutorial.md", "task-tutorial.md"])
def test_what_a_project_becomes_passes_ruff(page: str, tmp_path: Path) -> None:
    for _, title, text in blocks(page):
        if title:
            (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / title).write_text(text)
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 120\nlint.ignore = ['RUF012']\n")
    for command in (("check",), ("format", "--check")):
        arguments = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
