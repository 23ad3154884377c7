"""Plugins are checked from outside: what they do to their process is a failed check, and the others go on."""

from __future__ import annotations

import dataclasses
import gc
import os
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import FIRST, Called
from tests.processes import children
from workbench.errors import PluginError, UnknownName
from workbench.testing import Case, Examination, Outcome, check_plugin, examining, parametrize_with_checks
from workbench.testing.generator import CHECKS

MODELS = """
@hookimpl
def workbench_models():
    specs, modules = {spec}, {modules}
    return [ModelSpec(name, "recommend", f"{{modules[name]}}:{{name}}", "odd", specs[name]) for name in specs]
"""

CODE = """
import os
import signal
import time

import numpy as np

from workbench import Model


class Good(Model):
    def fit(self, train, context):
        self.counts_ = np.bincount(train.items, minlength=train.n_items).astype(np.float32)

    def score_histories(self, histories):
        return np.broadcast_to(self.counts_, histories.shape)


class Hangs(Good):
    def fit(self, train, context):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)


class Exits(Good):
    def fit(self, train, context):
        print("good bye")
        os._exit(0)


class Greedy(Good):
    def fit(self, train, context):
        self.all_ = np.ones(150_000_000)
        time.sleep(600)


class Daemon(Good):
    def fit(self, train, context):
        super().fit(train, context)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(600)
            os._exit(0)
"""

UNDECLARED = """
from acme_models import Good


class Undeclared(Good):
    def fit(self, train, context):
        import pytest
        super().fit(train, context)
"""

GUARDED = """
from acme_models import Good

try:
    import iniconfig
except ImportError:
    pass


class Guarded(Good):
    pass
"""

UNKIND = """
from acme_models import Good

try:
    import pytest
except ImportError:
    raise RuntimeError("and now?")


class Unkind(Good):
    pass
"""

MODULES = {"acme_models": CODE, "acme_undeclared": UNDECLARED, "acme_guarded": GUARDED, "acme_unkind": UNKIND}


@pytest.fixture
def acme(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[dict[str, tuple[str, ...]]], Examination]]:
    """An examination of a plugin with these models of `CODE`, each with what it requires."""
    opened = []

    def make(specs: dict[str, tuple[str, ...]], entry: str = "") -> Examination:
        homes = {name: own if (own := f"acme_{name.lower()}") in MODULES else "acme_models" for name in specs}
        folder = install("acme", textwrap.dedent(MODELS.format(spec=specs, modules=homes)) + entry)
        for module, code in MODULES.items():
            (folder / f"{module}.py").write_text(code, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*FIRST, str(folder)]))
        opened.append(Examination("acme"))
        return opened[-1]

    yield make
    for examination in opened:
        examination.close()


def outcome(examination: Examination, id: str) -> Outcome:
    """Of one check."""
    return examination.run(next(case for case in examination.cases if case.id == id))


def of_a_second(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let one check of models have little time."""
    checks = [dataclasses.replace(each, seconds=3.0) if each.name == name else each for each in CHECKS["model"]]
    monkeypatch.setitem(CHECKS, "model", checks)


def test_what_ends_or_blocks_its_process_fails_alone(
    acme: Callable[..., Examination], monkeypatch: pytest.MonkeyPatch
) -> None:
    of_a_second(monkeypatch, "it_stops_at_the_deadline")
    examination = acme({"Hangs": (), "Exits": (), "Good": ()})
    with examination:
        hung = outcome(examination, "Hangs:it_stops_at_the_deadline")
        ended = outcome(examination, "Exits:it_stops_at_the_deadline")
        good = outcome(examination, "Good:a_restored_model_answers_alike")
        after = outcome(examination, "Hangs:the_same_seed_gives_the_same_score")
    assert (hung.state, hung.seen) == ("failed", "it had not ended after 3 s and was stopped")
    assert "context.seconds_left" in hung.message
    assert ended.state == "failed"
    assert ended.seen == "its process ended without a result (exit code 0); its last words: good bye"
    assert (good.state, good.seen) == ("passed", "")
    assert (after.state, after.seen) == ("skipped", "it_can_be_fitted_and_scored is skipped")


def test_what_takes_half_of_the_memory_there_is_is_stopped(
    acme: Callable[..., Examination], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "machine_memory", lambda: 2 * 700 * 2**20)
    greedy = outcome(acme({"Greedy": ()}), "Greedy:it_stops_at_the_deadline")
    assert (greedy.state, greedy.seen.endswith("the limit is 700 MiB")) == ("failed", True), greedy.seen


def test_a_distribution_that_brings_commands_alone_is_checked_as_a_plugin_of_its_name(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import click\n@click.command()\ndef good():\n    'Does well.'\nbad = print\n"
    folder = install("acme-commands", code, entries="", commands="well = acme_commands:good\nill = acme_commands:bad")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*FIRST, str(folder)]))
    with Examination("acme-commands") as examination:
        outcomes = {case.id: examination.run(case) for case in examination.cases}
    failed = {id: each.seen for id, each in outcomes.items() if each.state == "failed"}
    assert failed == {"ill:it_is_a_click_command": "acme_commands:bad is a builtin_function_or_method"}
    assert {id for id, each in outcomes.items() if each.state == "passed"} == {
        "acme-commands:admits_this_version",
        *(f"well:{check.name}" for check in CHECKS["command"]),
        "ill:its_name_is_free",
    }


def test_an_entry_that_ends_its_process_fails_its_own_check(acme: Callable[..., Examination]) -> None:
    examination = acme({}, entry="import os\nos._exit(7)\n")
    assert {case.kind for case in examination.cases} == {"plugin"}
    assert outcome(examination, "acme:admits_this_version").state == "passed"
    imported = outcome(examination, "acme:its_entry_can_be_imported")
    assert (imported.state, imported.seen) == ("failed", "its process ended without a result (exit code 7)")
    assert outcome(examination, "acme:everything_has_a_summary").state == "skipped"


def test_a_model_for_a_task_that_is_not_there_is_told_so(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install("acme", "@hookimpl\ndef workbench_models(): return [ModelSpec('a', 'recomend', 'acme:A', 'b')]")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*FIRST, str(folder)]))
    with Examination("acme") as examination:
        found = outcome(examination, "a:it_is_a_model")
    assert (found.state, found.seen) == (
        "failed",
        "no task 'recomend'; did you mean 'recommend'? (workbench tasks lists them)",
    )
    assert found.remedy == "name a task that is installed in the spec"


def test_a_process_that_detaches_itself_is_found_and_ended(acme: Callable[..., Examination]) -> None:
    found = outcome(acme({"Daemon": ()}), "Daemon:it_leaves_no_process_behind")
    assert found.state == "failed"
    pid = int(found.seen.removeprefix("still there after the fit: ").split()[0])
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_is_imported_must_be_declared(acme: Callable[..., Examination]) -> None:
    examination = acme({"Undeclared": (), "Guarded": (), "Unkind": (), "Good": ("iniconfig",)})
    found = {}
    for name in ("Undeclared", "Guarded", "Unkind", "Good"):
        assert outcome(examination, f"{name}:it_can_be_fitted_and_scored").state == "passed"
        told = outcome(examination, f"{name}:its_requirements_are_declared")
        found[name] = told.state, told.seen
    assert found == {
        "Undeclared": (
            "failed",
            "acme_undeclared, line 7, imports pytest, which neither requires nor the dependencies name",
        ),
        "Guarded": ("passed", ""),
        "Unkind": ("failed", "without pytest it raises RuntimeError: and now?"),
        "Good": ("passed", ""),
    }


def test_what_is_declared_must_be_missed_kindly(acme: Callable[..., Examination]) -> None:
    found = outcome(acme({"Good": ("pytest",)}, entry="import pytest\n"), "Good:its_requirements_are_declared")
    assert (found.state, found.seen.partition(":")[0]) == ("failed", "without pytest the whole plugin does not load")


def test_a_model_whose_requirement_is_missing_is_skipped(acme: Callable[..., Examination]) -> None:
    examination = acme({"Good": ("no_such_library",)})
    found = outcome(examination, "Good:it_is_a_model")
    assert (found.state, found.seen) == ("skipped", "needs no_such_library: pip install no_such_library")


def test_a_plugin_is_found_by_its_name_or_its_distribution(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("acme", entries="one = acme\ntwo = acme")
    install("lone")
    assert Examination("one").plugin == "one"
    assert Examination("acme:two").plugin == "two"
    assert Examination("lone").plugin == "lone"
    with pytest.raises(PluginError, match="several plugins are called 'acme'; say acme:one or acme:two"):
        Examination("acme")
    with pytest.raises(UnknownName, match="no plugin 'recomend'; did you mean 'recommend'"):
        Examination("recomend")
    monkeypatch.setenv("WORKBENCH_PLUGINS_OFF", "two")
    with pytest.raises(PluginError, match="plugin two is switched off by WORKBENCH_PLUGINS_OFF; take it off that list"):
        Examination("two")


@pytest.fixture
def terse(install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plugin whose one metric has no summary and whose function raises."""
    folder = install(
        "acme",
        """
        @hookimpl
        def workbench_metrics():
            return [MetricSpec("odd", "recommend", "acme:compute", "")]

        def compute(scored):
            raise RuntimeError("out of order")
        """,
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*FIRST, str(folder)]))
    return folder


def test_check_plugin_raises_with_every_message(terse: Path) -> None:
    with pytest.raises(AssertionError) as raised:
        check_plugin("acme")
    text = str(raised.value)
    assert text.startswith("2 of 11 checks of plugin acme failed\n\nacme:everything_has_a_summary\n  promised  every")
    assert "\n  seen      the summary of odd is ''\n  remedy    give the spec a summary" in text
    assert "odd:it_gives_a_finite_number_a_row" in text
    assert "metric odd: RuntimeError: out of order" in text


def test_a_test_is_parametrized_with_the_checks(terse: Path) -> None:
    before = set(children())
    mark = parametrize_with_checks(
        "acme", {"odd:it_gives_a_finite_number_a_row": "it is known", "its_names_are_free": "it was taken"}
    )
    checks = {parameter.id: parameter.values[0] for parameter in mark.args[1]}
    assert mark.args[0] == "check"
    checks["acme:admits_this_version"]()
    with pytest.raises(AssertionError, match="seen      the summary of odd is ''"):
        checks["acme:everything_has_a_summary"]()
    with pytest.raises(pytest.xfail.Exception, match="it is known"):
        checks["odd:it_gives_a_finite_number_a_row"]()
    with pytest.raises(AssertionError, match=r"its_names_are_free passes, though it is expected to fail \(it was"):
        checks["acme:its_names_are_free"]()
    with pytest.raises(pytest.skip.Exception, match="it_gives_a_finite_number_a_row is failed"):
        checks["odd:the_same_answers_give_the_same_value"]()
    with pytest.raises(UnknownName, match="no check 'odd:it_is_a_funktion'; did you mean 'odd:it_is_a_function'"):
        parametrize_with_checks("acme", {"odd:it_is_a_funktion": "never"})
    del mark, checks
    gc.collect()
    assert set(children()) <= before, "with the tests go their processes"


def test_the_command_shows_what_failed_and_counts_the_rest(terse: Path, workbench: Callable[..., Called]) -> None:
    called = workbench("plugins", "check", "acme", env={"PYTHONPATH": str(terse)})
    assert called.code == 1
    lines = called.out.splitlines()
    assert lines[0] == "acme · acme 1.0"
    assert [line.split() for line in lines[2:5]] == [
        ["name", "kind", "passed", "failed", "skipped"],
        ["acme", "plugin", "6", "1", "-"],
        ["odd", "metric", "2", "1", "1"],
    ]
    assert "acme:everything_has_a_summary" in lines
    assert "acme:its_names_are_free" not in called.out
    assert lines[-1].startswith("8 passed, 2 failed, 1 skipped in ")


def test_the_command_prints_every_check_as_json(terse: Path, workbench: Callable[..., Called]) -> None:
    called = workbench("plugins", "check", "acme", "--json", env={"PYTHONPATH": str(terse)})
    told = called.json
    assert (called.code, told["plugin"], told["passed"], told["failed"], told["skipped"]) == (1, "acme", 8, 2, 1)
    (failed,) = (row for row in told["checks"] if row["id"] == "acme:everything_has_a_summary")
    assert failed["seen"] == "the summary of odd is ''"
    assert set(failed) == {"id", "kind", "name", "check", "state", "promised", "seen", "remedy", "seconds"}
    assert len(told["checks"]) == 11


def test_no_such_plugin_is_the_users_mistake(workbench: Callable[..., Called]) -> None:
    called = workbench("plugins", "check", "recomend")
    assert called.code == 2
    assert called.err == "error: no plugin 'recomend'; did you mean 'recommend'? (workbench plugins lists them)\n"


def test_a_message_says_promise_sight_and_remedy() -> None:
    check = CHECKS["model"][0]
    lines = Outcome(Case("model", "als", check), "failed", "it is not", "make it so").message.splitlines()
    assert lines[0] == "als:it_is_a_model"
    assert lines[1].startswith("  promised  `load` names a subclass of workbench.Model")
    assert lines[-2:] == ["  seen      it is not", "  remedy    make it so"]
