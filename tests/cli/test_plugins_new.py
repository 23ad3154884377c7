"""`workbench plugins new`: what it writes works, and what it refuses."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.specifiers import SpecifierSet

from tests.conftest import Called
from tests.projects import install
from workbench import __version__
from workbench.cli import cli, plugins_new
from workbench.errors import DataError, SettingsError

LONG = "a-name-that-is-as-long-as-a-name-may-be1"
TEST = """from workbench.testing import parametrize_with_checks


@parametrize_with_checks("acme-last")
def test_the_plugin_keeps_its_promises(check):
    check()
"""


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Calls the command in an empty folder: what it printed; what it refused is raised."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(cli, ["plugins", "new", *arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


@pytest.mark.parametrize("task", [(), ("--task",)], ids=["model", "task"])
@pytest.mark.parametrize("name", ["b2", "acme-last", LONG])
def test_what_is_written_passes_ruff(new: Callable[..., str], tmp_path: Path, name: str, task: tuple[str, ...]) -> None:
    assert len(LONG) == plugins_new.LONGEST
    new(name, *task)
    for command in (("check",), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."], cwd=tmp_path / name, capture_output=True
        )
        assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("task", [(), ("--task",)], ids=["model", "task"])
def test_its_test_is_five_lines_that_run_the_checks(new: Callable[..., str], tmp_path: Path, task: tuple[str]) -> None:
    new("acme-last", *task)
    text = (tmp_path / "acme-last/tests/test_plugin.py").read_text()
    assert text == TEST
    assert len([line for line in text.splitlines() if line]) <= 5


def test_what_is_written_passes_its_own_tests(new: Callable[..., str], tmp_path: Path) -> None:
    """A model; that a task does is seen where its tutorial is followed."""
    new("acme-last")
    install(tmp_path / "acme-last")
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(tmp_path / "acme-last")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "acme-last"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_model_is_searched_and_ranked(
    new: Callable[..., str], workbench: Callable[..., Called], ratings: Path, tmp_path: Path
) -> None:
    new("workbench-alike")
    install(tmp_path / "workbench-alike")
    arguments = (
        "run",
        "--task",
        "recommend",
        "--data",
        ratings,
        "--models",
        "alike",
        "--trials",
        "2",
        "--workers",
        "1",
    )
    called = workbench(*arguments, "--json", env={"PYTHONPATH": str(tmp_path / "workbench-alike")})
    assert called.code == 0, called.err
    (row,) = (row for row in called.json["leaderboard"] if row["model"] == "alike")
    assert row["plugin"] == "workbench-alike"
    assert row["valid"] > 0


def test_it_says_what_to_do_next(new: Callable[..., str]) -> None:
    printed = new("acme-churn", "--task", "churn")
    assert printed.startswith("task churn: ")
    assert printed.rstrip().splitlines()[-3:] == [
        "  pip install --editable './acme-churn[test]'",
        "  pytest acme-churn",
        "  workbench run --task churn --time 1m",
    ]


def test_it_says_the_same_as_json(new: Callable[..., str], tmp_path: Path) -> None:
    told = json.loads(new("workbench-last", "--json"))
    assert (told["folder"], told["model"]) == ("workbench-last", "last")
    assert told["next"][-1] == "workbench run --task recommend --models last --time 1m"
    written = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert told["files"] == sorted(written)


@pytest.mark.parametrize(
    ("version", "bound", "inside", "outside"),
    [
        ("0.1.0", ">=0.1.0,<0.2", "0.1.9", "0.2.0"),
        ("0.3.0.dev1", ">=0.3.0.dev1,<0.4", "0.3.0", "0.4.0"),
        ("2.5.1", ">=2.5.1,<3", "2.9", "3.0"),
    ],
)
def test_it_is_for_this_version_up_to_the_next_that_may_break_it(
    monkeypatch: pytest.MonkeyPatch, version: str, bound: str, inside: str, outside: str
) -> None:
    monkeypatch.setattr("workbench._version.__version__", version)
    assert plugins_new._bound() == bound
    specifier = SpecifierSet(bound)
    assert specifier.contains(version, prereleases=True) and specifier.contains(inside, prereleases=True)
    assert not specifier.contains(outside, prereleases=True)


def test_discovery_admits_it(new: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.discovery import discover

    new("acme-admitted")
    install(tmp_path / "acme-admitted")
    monkeypatch.syspath_prepend(tmp_path / "acme-admitted")
    (found,) = (plugin for plugin in discover() if plugin.distribution == "acme-admitted")
    assert (found.state, found.reason) == ("loaded", "")
    monkeypatch.setattr("workbench.installed.__version__", "99.0")
    (found,) = (plugin for plugin in discover() if plugin.distribution == "acme-admitted")
    assert found.state == "incompatible"
    assert f">={__version__}" in found.reason


@pytest.mark.parametrize(
    "name",
    ["", "Recent", "2fast", "a_b", "a--b", "a-", "a b", "../a", "a/b", "é", "a.b", LONG + "2", "$name"],
)
@pytest.mark.parametrize("where", ["name", "task"])
def test_what_cannot_be_a_name_is_refused(new: Callable[..., str], tmp_path: Path, name: str, where: str) -> None:
    arguments = ("--", name) if where == "name" else ("acme-fine", "--task", name or "-")
    with pytest.raises(SettingsError, match="cannot be the name of a plugin; take lower-case letters"):
        new(*arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("numpy",), "Python knows 'numpy' already"),
        (("class",), "Python knows 'class' already"),
        (("workbench-recommend",), "Python knows 'workbench_recommend' already"),
        (("acme-x", "--task", "none"), "its class would be None"),
        (("workbench-ease",), "model 'ease' is offered by automl-workbench already"),
        (("acme-x", "--task", "recommend"), "task 'recommend' is offered by automl-workbench already"),
    ],
)
def test_a_name_that_is_taken_is_refused(
    new: Callable[..., str], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        new(*arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["model", "task"])
def test_a_class_of_the_template_is_no_name(new: Callable[..., str], tmp_path: Path, kind: str) -> None:
    used = {name for name in plugins_new._used_by(plugins_new.TEMPLATES / kind) if name.isalpha() and name.istitle()}
    assert {"Model", "Context", "Float"} <= used
    for name in sorted(used):
        with pytest.raises(SettingsError, match=f"its class would be {name}, which is taken"):
            new(f"workbench-{name.lower()}", *(["--task"] if kind == "task" else []))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(new: Callable[..., str], tmp_path: Path) -> None:
    for make in (Path.mkdir, Path.touch):
        make(tmp_path / "acme-last")
        with pytest.raises(SettingsError, match="acme-last is there already, and nothing is overwritten"):
            new("acme-last")
        assert [path.name for path in tmp_path.rglob("*")] == ["acme-last"]
        (tmp_path / "acme-last").rmdir() if make is Path.mkdir else (tmp_path / "acme-last").unlink()


def test_a_folder_that_cannot_be_made_is_said_so(new: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DataError, match="acme-last: Permission denied"):
        new("acme-last")


def test_a_refusal_is_one_line_and_two(workbench: Callable[..., Called]) -> None:
    called = workbench("plugins", "new", "workbench-ease")
    assert (called.code, called.out) == (2, "")
    assert called.err == (
        "error: model 'ease' is offered by automl-workbench already; choose another name "
        "(workbench models lists them)\n"
    )


def test_no_module_of_a_template_is_taken_for_one_of_the_core() -> None:
    assert list(plugins_new.TEMPLATES.rglob("*.py")) == []


def test_the_entry_modules_import_workbench_alone() -> None:
    names = plugins_new.Names("name", "package", "offered", "Offered")
    for kind in ("model", "task"):
        text = plugins_new._rendered(plugins_new.TEMPLATES / kind / "package/__init__.py.template", names)
        imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert [getattr(node, "module", None) for node in imports] == ["workbench"]
