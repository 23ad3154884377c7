"""What the docs say is what the code does: metrics, commands, hooks, signatures, links."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Callable
from pathlib import Path

import click
import pytest

import workbench
from tests.conftest import FIRST_PARTY, ROOT, Called
from workbench.cli import COMMANDS, cli
from workbench.contract import hooks
from workbench.contract.hooks import OBSERVING
from workbench.discovery import discover
from workbench.metrics.classification import CLASSIFICATION
from workbench.metrics.ranking import FAMILIES
from workbench.metrics.regression import REGRESSION
from workbench_recommend.task import Recommend

DOCS = ROOT / "docs"
METRICS = (DOCS / "metrics.md").read_text(encoding="utf-8")


def test_every_metric_has_its_formula() -> None:
    assert set(re.findall(r"^\| `(\w+)@k` \|", METRICS, flags=re.MULTILINE)) == set(FAMILIES)
    section = METRICS[METRICS.index("## Classes and numbers") : METRICS.index("## Ties")]
    named = re.findall(r"^\| `([a-z0-9-]+)` \|", section, flags=re.MULTILINE)
    assert named == [metric.name for metric in (*CLASSIFICATION, *REGRESSION)]


def test_the_plugins_metric_is_computed_and_can_be_searched(
    workbench: Callable[..., Called], ratings: Path, tmp_path: Path
) -> None:
    entry, function = re.findall(r"```python\n(.*?)```", METRICS, flags=re.DOTALL)
    site = tmp_path / "site"
    (site / "acme_metrics").mkdir(parents=True)
    (site / "acme_metrics/__init__.py").write_text(entry)
    (site / "acme_metrics/metrics.py").write_text(function)
    metadata = site / "acme_metrics-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-metrics\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[workbench]\nacme = acme_metrics\n")
    arguments = ("run", "--task", "recommend", "--data", "ratings.csv", "--models", "als", "--trials", "2")
    called = workbench(
        *arguments, "--workers", "1", "--metric", "unpopular@10", "--json", env={"PYTHONPATH": str(site)}
    )
    assert called.code == 0, called.err
    assert 0 < called.json["best"]["valid"]["unpopular@10"] <= 1
    assert [row["note"] for row in called.json["leaderboard"]] == ["", ""]


GENERATOR = runpy.run_path(str(DOCS / "generate.py"))
AGAIN = "; run python docs/generate.py"


def test_the_pages_from_the_code_are_what_the_code_says() -> None:
    written = GENERATOR["pages"]()
    found = {path.relative_to(DOCS).as_posix() for folder in ("cli", "reference") for path in (DOCS / folder).iterdir()}
    assert found == set(written), AGAIN
    stale = [name for name, text in written.items() if (DOCS / name).read_text(encoding="utf-8") != text]
    assert stale == [], AGAIN
    assert (ROOT / "mkdocs.yml").read_text(encoding="utf-8") == GENERATOR["navigation"](written), AGAIN


def test_every_command_has_a_page_with_all_its_options() -> None:
    for name in COMMANDS:
        page = (DOCS / f"cli/{name}.md").read_text(encoding="utf-8")
        assert f"# workbench {name}\n" in page
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        options = [flag for option in command.params if isinstance(option, click.Option) for flag in option.opts]
        assert [flag for flag in options if not re.search(rf"{flag}[ ,<]", page)] == []


def test_every_hook_is_documented_with_its_signature() -> None:
    page = (DOCS / "reference/hooks.md").read_text(encoding="utf-8")
    names = [name for name in vars(hooks) if name.startswith("workbench_")]
    assert {"workbench_tasks", "workbench_models", "workbench_metrics"} <= set(names)
    for name in names:
        signature = str(inspect.signature(getattr(hooks, name))).replace("'", "")
        (meaning, *_) = (inspect.getdoc(getattr(hooks, name)) or "").splitlines()
        assert f"## {name}\n\n```python\ndef {name}{signature}\n```\n\n{meaning}" in page


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    names = [name for name in workbench.__all__ if name not in ("__version__", "hookimpl")]
    assert [name for name in names if f"\n## {name}\n" not in pages] == []


@pytest.mark.parametrize("name", ["Task", "Model", "Context", "Split", "Dataset", "Metric", "Scored", "Evaluation"])
def test_every_method_is_documented_with_its_arguments(name: str) -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    for method, function in vars(getattr(workbench, name)).items():
        if inspect.isfunction(function) and function.__name__ == method and not method.startswith("_"):
            (listing,) = re.findall(rf"^### {name}\.{method}\n\n```python\n(.*?)```", pages, re.MULTILINE | re.DOTALL)
            assert re.findall(r"\w+", listing)[:2] == ["def", method]
            for argument, detail in inspect.signature(function).parameters.items():
                kind = "" if detail.annotation is inspect.Parameter.empty else f": {detail.annotation}"
                assert argument + kind in listing


def test_every_link_leads_to_a_page() -> None:
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / link).exists()
    ]
    assert dead == []


def test_every_page_stands_in_the_navigation() -> None:
    listed = re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


SHOWN = re.compile(r"^ {2,}workbench (.+)|^\$ (?:\S+/)?workbench (.+)", re.MULTILINE)


def test_every_command_line_shown_has_commands_and_options_that_exist() -> None:
    pages = [*DOCS.glob("*.md"), ROOT / "README.md"]
    shown = [(page.name, "".join(line)) for page in pages for line in SHOWN.findall(page.read_text(encoding="utf-8"))]
    assert len(shown) > 40
    task_options = {f"--{name.replace('_', '-')}" for name in Recommend.options} | {"--target"}  # the tutorial's task
    for where in shown:
        words = re.split(r"  #| && | \(", where[1])[0].split()
        known = {"--help", "-h", "--version", "--db"} | (task_options if words[0] == "run" else set())
        command: click.Command = cli
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            inner = command.get_command(click.Context(cli), words.pop(0))
            assert inner is not None, where
            command = inner
        known |= {flag for option in command.params if isinstance(option, click.Option) for flag in option.opts}
        assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known, where


def test_what_is_said_of_a_plugin_for_another_version(
    workbench: Callable[..., Called], install: Callable[..., Path]
) -> None:
    folder = install("acme-models", requires=("automl-workbench>=2",))
    called = workbench("plugins", env={"PYTHONPATH": str(folder)})
    page = (DOCS / "plugin-rules.md").read_text(encoding="utf-8")
    shown = {" ".join(line.split()) for line in page.splitlines()}
    printed = [" ".join(line.split()) for line in called.out.splitlines()]
    others = tuple(f"{name} " for name in FIRST_PARTY if name != "recommend")  # one of those that come along is shown
    assert [line for line in printed if line not in shown and not line.startswith(others)] == []
    assert not (folder / "acme_models.imported").exists()


def test_the_observer_of_the_docs_is_loaded(install: Callable[..., Path]) -> None:
    text = (DOCS / "plugin-observers.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    install("workbench-shout", code.replace('"""', "# ", 1).replace('"""', "", 1))
    found = {plugin.name: plugin for plugin in discover()}["workbench-shout"]
    assert (found.state, found.reason, found.observes) == ("loaded", "", OBSERVING)
