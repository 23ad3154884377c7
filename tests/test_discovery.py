"""Entry points become plugins; one that fails fails alone and says why."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FIRST_PARTY
from workbench._version import __version__
from workbench.contract.hooks import MetricSpec, ModelSpec, TaskSpec
from workbench.discovery import Plugin, discover
from workbench.installed import DISTRIBUTION

Install = Callable[..., Path]

GOOD = """
@hookimpl
def workbench_models():
    return [ModelSpec("{name}", "recommend", load="{name}_model:Model", summary="good")]
"""


def named(name: str, off: tuple[str, ...] = ()) -> Plugin:
    return next(plugin for plugin in discover(off) if plugin.name == name)


def imported(folder: Path, module: str) -> bool:
    return (folder / f"{module}.imported").exists()


@pytest.fixture(autouse=True)
def _no_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_PLUGINS_OFF", raising=False)


def test_a_plugin_is_loaded_with_what_it_announces(install: Install) -> None:
    install(
        "acme-recent",
        """
        @hookimpl
        def workbench_tasks():
            return [TaskSpec("rank", load="x:Y", summary="a task")]
        @hookimpl
        def workbench_models():
            return [ModelSpec("recent", task="recommend", load="x:Z", summary="a model", requires=("numpy",))]
        @hookimpl
        def workbench_metrics():
            return [MetricSpec("surprise@10", "recommend", "x:surprise", "a metric", larger_is_better=False)]
        """,
        entry="recent",
    )
    plugin = named("recent")
    assert (plugin.distribution, plugin.version, plugin.state, plugin.reason) == ("acme-recent", "1.0", "loaded", "")
    assert plugin.tasks == (TaskSpec("rank", "x:Y", "a task"),)
    assert plugin.models == (ModelSpec("recent", "recommend", "x:Z", "a model", ("numpy",)),)
    assert plugin.metrics == (MetricSpec("surprise@10", "recommend", "x:surprise", "a metric", False),)
    assert not plugin.first_party


def test_what_comes_with_workbench_is_first_party() -> None:
    plugin = named("recommend")
    assert (plugin.distribution, plugin.state, plugin.first_party) == (DISTRIBUTION, "loaded", True)


def test_a_plugin_that_hears_of_runs_is_said_to(install: Install) -> None:
    install("acme", "@hookimpl\ndef workbench_run_finished(): pass")
    install("zeta", "@hookimpl\ndef workbench_trial_finished(trial): pass\n" + GOOD.format(name="m"))
    assert named("acme").observes == ("workbench_run_finished",)
    assert named("zeta").observes == ("workbench_trial_finished",)
    assert named("recommend").observes == ()


def test_the_classes_of_a_plugin_are_not_imported(install: Install) -> None:
    install("acme", GOOD.format(name="no_such_module"))
    assert named("acme").state == "loaded"


@pytest.mark.parametrize("name", ["acme-blocked", "the-entry"])
@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_blocked_plugin_is_never_imported(
    install: Install, monkeypatch: pytest.MonkeyPatch, name: str, by: str
) -> None:
    folder = install("acme-blocked", GOOD.format(name="m"), entry="the-entry")
    if by == "environment":
        monkeypatch.setenv("WORKBENCH_PLUGINS_OFF", f"other, {name},")
    plugin = named("the-entry", (name,) if by == "argument" else ())
    assert plugin.state == "blocked"
    assert plugin.reason == "switched off by --no-plugin or WORKBENCH_PLUGINS_OFF"
    assert plugin.models == ()
    assert not imported(folder, "acme_blocked")


def test_blocking_one_plugin_leaves_the_others(install: Install) -> None:
    install("acme-a", GOOD.format(name="a"))
    install("acme-b", GOOD.format(name="b"))
    assert {plugin.name: plugin.state for plugin in discover(["acme-a"])} == {
        **dict.fromkeys(FIRST_PARTY, "loaded"),
        "acme-a": "blocked",
        "acme-b": "loaded",
    }


@pytest.mark.parametrize("requirement", ["automl-workbench>=99", "Automl_Workbench ~= 99.1", "automl-workbench<0.0.1"])
def test_a_plugin_for_another_version_is_incompatible_without_import(install: Install, requirement: str) -> None:
    folder = install("acme", GOOD.format(name="m"), requires=("numpy", requirement))
    plugin = named("acme")
    assert plugin.state == "incompatible"
    assert plugin.reason.startswith(f"requires {DISTRIBUTION} ") and plugin.reason.endswith(f"this is {__version__}")
    assert not imported(folder, "acme")


@pytest.mark.parametrize(
    "requirement",
    [
        "automl-workbench",
        f"automl-workbench>={__version__}",
        f"automl-workbench[torch]=={__version__}",
        "automl-workbench>=99; extra == 'future'",
        "automl-workbench>=99; python_version < '3'",
        "automl-workbench-extras>=99",
        "this is no requirement !!",
    ],
)
def test_a_plugin_that_admits_this_version_is_loaded(install: Install, requirement: str) -> None:
    install("acme", GOOD.format(name="m"), requires=(requirement,))
    assert named("acme").state == "loaded"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise RuntimeError('out of order')", "RuntimeError: out of order"),
        ("raise ValueError", "ValueError: no message"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        (
            "@hookimpl\ndef workbench_modles(): return []",
            "implements 'workbench_modles', which is no hook; did you mean 'workbench_models'?",
        ),
        ("@hookimpl\ndef workbench_models(data): return []", "{'data'}"),
        (
            "@hookimpl\nasync def workbench_run_finished(run): pass",
            "implements 'workbench_run_finished' as an async function, which nobody awaits; write def in place of",
        ),
        (
            "@hookimpl\ndef workbench_trial_finish(run): pass",
            "implements 'workbench_trial_finish', which is no hook; did you mean 'workbench_trial_finished'?",
        ),
        ("@hookimpl\ndef workbench_trial_finished(run, trail): pass", "for hook 'workbench_trial_finished'"),
        ("@hookimpl\ndef workbench_run_finished(run, trial): pass", "for hook 'workbench_run_finished'"),
        ("@hookimpl\ndef workbench_models(): return ['als']", "announces 'als', which is no ModelSpec"),
        ("@hookimpl\ndef workbench_models(): return ModelSpec('a', 'b', 'c:D', 'e')", "TypeError: 'ModelSpec' object"),
        ("@hookimpl\ndef workbench_models(): return 5", "TypeError: 'int' object is not iterable"),
        (
            "@hookimpl\ndef workbench_models(): return [TaskSpec('a', 'b:C', 'd')]",
            "announces TaskSpec(name='a', load='b:C', summary='d', requires=()), which is no",
        ),
        ("@hookimpl\ndef workbench_tasks(): return [ModelSpec('a', 'b', 'c:D', 'e')]", "which is no TaskSpec"),
        ("@hookimpl\ndef workbench_models(): return [ModelSpec(['a'], 'b', 'c:D', 'e')]", "name is ['a']"),
        ("@hookimpl\ndef workbench_models(): return [ModelSpec('a', None, 'c:D', 'e')]", "task is None"),
        (
            "@hookimpl\ndef workbench_tasks(): return [TaskSpec('a', 'b:C', 'd', requires='torch')]",
            "requires is 'torch'",
        ),
        ("@hookimpl\ndef workbench_models(): return [ModelSpec('a', 'b', 'c:D', 'e')] * 2", "announces 'a' twice"),
        (
            "@hookimpl\ndef workbench_models(): return [ModelSpec('ensemble', 'b', 'c:D', 'e')]",
            "announces a model 'ensemble', which is what several models that answer together are called",
        ),
        ("@hookimpl\ndef workbench_metrics(): return ['ndcg']", "announces 'ndcg', which is no MetricSpec"),
        ("@hookimpl\ndef workbench_metrics(): return [MetricSpec('a', 'b', print, 'd')]", "load is <built-in function"),
        (
            "@hookimpl\ndef workbench_metrics(): return [MetricSpec('a', 'b', 'c:d', 'e', 'minimize')]",
            "larger_is_better is 'minimize'",
        ),
        ("@hookimpl\ndef workbench_models(): 1 / 0", "ZeroDivisionError: division by zero"),
        ("@hookimpl\ndef workbench_models(): import sys; sys.exit()", "SystemExit"),
        ("@hookimpl\ndef workbench_foo(): pass", "which is no hook; "),
        (
            "class Wordless(Exception):\n    def __str__(self): raise ValueError\nraise Wordless",
            "Wordless: no message",
        ),
        ("@hookimpl\ndef workbench_models(): return [ModelSpec('a', 'b', 'c:D', 'e', None)]", "requires is None"),
        ("@hookimpl\ndef workbench_models(): return [ModelSpec('a', 'b', 'c:D', 'e', ('',))]", "requires is ('',)"),
        (
            "@hookimpl\ndef workbench_models(): return [ModelSpec('a', 'b', 'c:D', 'e', ('x y',))]",
            "requires is ('x y',)",
        ),
        (
            "@hookimpl\ndef workbench_models(): return [ModelSpec('my model', 'b', 'c:D', 'e')]",
            "'my model', which is no name",
        ),
        ("@hookimpl\ndef workbench_models(): return [ModelSpec('a.b', 'b', 'c:D', 'e')]", "'a.b', which is no name"),
        ("@hookimpl\ndef workbench_models(): return [ModelSpec('a:b', 'b', 'c:D', 'e')]", "'a:b', which is no name"),
        ("@hookimpl\ndef workbench_models(): return [ModelSpec('', 'b', 'c:D', 'e')]", "'', which is no name"),
        ("@hookimpl\ndef workbench_tasks(): return [TaskSpec('a' * 61, 'b:C', 'd')]", "at most 60 letters"),
    ],
)
def test_a_plugin_that_fails_says_why_and_leaves_the_others(install: Install, code: str, reason: str) -> None:
    install("a-first", GOOD.format(name="first"))
    install("bad", code)
    install("z-last", GOOD.format(name="last"))
    plugins = {plugin.name: plugin for plugin in discover()}
    assert plugins["bad"].state == "failed"
    assert reason in plugins["bad"].reason
    assert "\n" not in plugins["bad"].reason
    assert (plugins["bad"].tasks, plugins["bad"].models, plugins["bad"].metrics) == ((), (), ())
    assert {name: plugins[name].state for name in ("recommend", "a-first", "z-last")} == dict.fromkeys(
        ("recommend", "a-first", "z-last"), "loaded"
    )


def test_an_entry_point_to_nothing_fails_alone(install: Install) -> None:
    install("acme", GOOD.format(name="m"), entries="good = acme\ngone = acme_gone\nlost = acme:nothing\nodd = 1 2 3")
    assert {plugin.name: plugin.state for plugin in discover() if plugin.distribution == "acme"} == {
        "good": "loaded",
        "gone": "failed",
        "lost": "failed",
        "odd": "failed",
    }


def test_a_distribution_without_metadata_is_loaded_as_unknown(install: Install) -> None:
    # What a removal that was cut short leaves behind.
    install("acme", GOOD.format(name="m"), metadata="")
    plugin = named("acme")
    assert (plugin.distribution, plugin.version, plugin.state) == ("unknown", "0", "loaded")
    assert named("recommend").state == "loaded"


def test_a_plugin_that_announces_nothing_is_loaded(install: Install) -> None:
    install("acme", "@hookimpl\ndef workbench_models(): return None")
    assert named("acme") == Plugin("acme", "acme", "1.0", "loaded", entry="acme")


def test_the_order_is_first_party_then_by_name_whatever_was_installed_first(install: Install) -> None:
    for distribution in ("zeta", "alpha", "mid"):
        install(distribution, GOOD.format(name=distribution))
    assert [plugin.distribution for plugin in discover()] == [DISTRIBUTION] * len(FIRST_PARTY) + [
        "alpha",
        "mid",
        "zeta",
    ]


def test_a_plugin_that_prints_when_it_is_imported_does_not_spoil_json(install: Install, workbench: Any) -> None:
    folder = install("acme", "print('hello from acme')\n" + GOOD.format(name="m"))
    called = workbench("plugins", "--json", env={"PYTHONPATH": str(folder)})
    assert called.code == 0
    assert [plugin["state"] for plugin in called.json["plugins"]] == ["loaded"] * (len(FIRST_PARTY) + 1)
    assert "hello from acme" in called.err


def test_the_command_lists_each_plugin_with_its_state_and_reason(install: Install, workbench: Any) -> None:
    install("bad", "raise RuntimeError('out of order')")
    install("old", requires=("automl-workbench>=99",))
    folder = install("off")
    called = workbench("plugins", "--json", env={"PYTHONPATH": str(folder), "WORKBENCH_PLUGINS_OFF": "off"})
    assert {row["plugin"]: row["state"] for row in called.json["plugins"]} == {
        **dict.fromkeys(FIRST_PARTY, "loaded"),
        "bad": "failed",
        "old": "incompatible",
        "off": "blocked",
    }
    assert "out of order" in workbench("plugins", env={"PYTHONPATH": str(folder)}).out


def test_other_groups_of_entry_points_are_none_of_ours(install: Install) -> None:
    folder = install("acme", GOOD.format(name="m"))
    points = folder / "acme-1.0.dist-info/entry_points.txt"
    points.write_text(points.read_text().replace("[workbench]", "[workbenches]"))
    assert "acme" not in {plugin.name for plugin in discover()}
    assert not imported(folder, "acme")


def test_discovery_changes_nothing_in_the_environment(install: Install) -> None:
    install("acme", GOOD.format(name="m"))
    before = dict(os.environ), Path.cwd()
    discover()
    assert (dict(os.environ), Path.cwd()) == before
