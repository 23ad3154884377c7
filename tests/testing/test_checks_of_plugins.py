"""Each promise of a plugin as a whole: one that breaks it is caught and told why."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import FIRST
from tests.testing.conftest import found
from workbench.testing.generator import CHECKS
from workbench.testing.subjects_of_plugins import PluginSubject

Install = Callable[..., Path]

GOOD = """
@hookimpl
def workbench_models():
    return [ModelSpec("recent", "recommend", load="acme_model:Model", summary="what was taken lately")]
"""

CASES = [
    ("its_entry_can_be_imported", "raise RuntimeError('out of order')", "it raises RuntimeError: out of order (site-"),
    ("its_entry_can_be_imported", "import sys; sys.exit(3)", "it raises SystemExit: 3"),
    ("every_hook_is_known", "@hookimpl\ndef workbench_modles(): return []", "no hook workbench_modles; did you mean"),
    ("every_hook_is_known", "@hookimpl\ndef offered(): return []", "there is no hook offered"),
    ("every_hook_is_known", "def workbench_models(): return []", "workbench_models is not marked, so nobody calls it"),
    ("it_announces_what_can_be_used", "@hookimpl\ndef workbench_models(): return ['als']", "which is no ModelSpec"),
    ("its_names_are_free", GOOD.replace("recent", "als"), "model 'als' is offered by automl-workbench too"),
    (
        "its_names_are_free",
        "@hookimpl\ndef workbench_metrics(): return [MetricSpec('ndcg@5', 'recommend', 'x:y', 'again')]",
        "metric 'ndcg@5' is offered by the task too",
    ),
    ("everything_has_a_summary", GOOD.replace("what was taken lately", " "), "the summary of recent is ' '"),
]


@pytest.mark.parametrize(("check", "code", "seen"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_a_broken_promise_is_caught_and_the_cause_named(install: Install, check: str, code: str, seen: str) -> None:
    install("acme", code)
    state, told = found(PluginSubject("acme", "acme"), "plugin", check)
    assert (state, seen in told) == ("failed", True), told


def test_a_plugin_for_another_version_is_not_imported(install: Install) -> None:
    folder = install("acme", GOOD, requires=("automl-workbench>=99",))
    subject = PluginSubject("acme", "acme")
    state, told = found(subject, "plugin", "admits_this_version")
    assert (state, told.startswith("requires automl-workbench >=99, this is ")) == ("failed", True)
    assert found(subject, "plugin", "its_entry_can_be_imported")[0] == "skipped"
    assert not (folder / "acme.imported").exists()


def test_what_is_heavy_is_named_with_the_line_that_imports_it(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install("acme", "import acme_helper\n" + GOOD)
    (folder / "acme_helper.py").write_text("import json\n\nimport numpy.random\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*FIRST, str(folder)]))
    state, told = found(PluginSubject("acme", "acme"), "plugin", "its_entry_imports_nothing_heavy")
    assert (state, told) == ("failed", "numpy is imported by site-packages/acme_helper.py, line 3")


def test_a_plugin_that_announces_nothing_to_sum_up_is_no_fault(install: Install) -> None:
    install("acme")
    told = "it announces no task, no model and no metric"
    assert found(PluginSubject("acme", "acme"), "plugin", "everything_has_a_summary") == ("skipped", told)


def test_a_good_plugin_keeps_every_promise(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*FIRST, str(install("acme", GOOD))]))
    subject = PluginSubject("acme", "acme")
    outcomes = {check.name: found(subject, "plugin", check.name) for check in CHECKS["plugin"]}
    assert outcomes == dict.fromkeys(outcomes, ("passed", ""))


def test_every_check_has_a_broken_plugin_here() -> None:
    above = {"admits_this_version", "its_entry_imports_nothing_heavy"}
    assert {check.name for check in CHECKS["plugin"]} == {check for check, _, _ in CASES} | above
