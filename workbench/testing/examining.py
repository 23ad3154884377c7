"""Checking a plugin from outside: its code runs in other processes, a check at a time."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import PluginError, UnknownName
from workbench.execution.memory import machine_memory
from workbench.execution.pool import Pool
from workbench.execution.work import Check as Question
from workbench.execution.work import Checked, Setup
from workbench.installed import plugins
from workbench.testing.generator import cases
from workbench.testing.promises import Case, Outcome

PROGRAM = "workbench.testing.worker"
STARTING = 30.0
"""Seconds that a process has to import Workbench and find the plugin."""

WORDS_KEPT = 300


class Examination:
    """One plugin and what its checks find. A context manager: it holds processes.

    Args:
        name: of the plugin as `workbench plugins` lists it, or of its distribution where that has one plugin.
        options: under which a task that has them reads its example, as `{"pretrained": "folder"}`, for models that need
            what no made-up data has.

    Raises:
        UnknownName: no such plugin is installed.
        PluginError: several are called that, or it is switched off.
    """

    def __init__(self, name: str, options: Mapping[str, str] | None = None) -> None:
        self.distribution, self.plugin = find(name)
        self.options = dict(options or {})
        self.version = plugins()[self.distribution, self.plugin].version
        self._folder: Path | None = None
        self._end: Callable[[], object] | None = None
        self._pools: dict[bool, Pool] = {}
        self._cases: list[Case] = []
        self._outcomes: dict[str, Outcome] = {}

    def __enter__(self) -> Examination:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes and remove what was written."""
        if self._end is not None:
            self._end()
            self._folder = self._end = None

    @property
    def cases(self) -> Sequence[Case]:
        """Every check of everything that the plugin offers; of a plugin that cannot be loaded, those of itself."""
        if not self._cases:
            answer = self._ask({}, STARTING)
            self._cases = list(cases(self.plugin, answer.found.get("offered", {})))
        return self._cases

    def run(self, case: Case) -> Outcome:
        """The outcome of one check, after that of the check that comes before it; each runs once."""
        if case.id not in self._outcomes:
            self._outcomes[case.id] = self._outcome(case)
        return self._outcomes[case.id]

    def _outcome(self, case: Case) -> Outcome:
        before = case.check.after and self.run(Case(case.kind, case.target, case.check.after))
        if before and before.state != "passed":
            return Outcome(case, "skipped", f"{before.case.check.name} is {before.state}")
        answer = self._ask(case.about, case.check.seconds, fresh=case.check.fresh)
        if not answer.error:
            return Outcome(case, **answer.found)
        seen = answer.error.replace("its process stopped at its deadline", _unending(case.check.seconds))
        words = " ".join(answer.words.split())[-WORDS_KEPT:]
        return Outcome(case, "failed", seen + (f"; its last words: {words}" if words else ""), case.check.remedy)

    def _ask(self, about: Mapping[str, str], seconds: float, *, fresh: bool = False) -> Checked:
        """The answer of a process that runs checks; of one that ended over it, how it ended."""
        pool = self._pool(fresh)
        plugin = {"distribution": self.distribution, "plugin": self.plugin, "folder": str(self._folder)}
        question = Question(uuid.uuid4().hex, {**plugin, "options": self.options, **about})
        pool.submit(question, time.monotonic() + seconds)
        while True:
            for event in pool.events(timeout=1.0):
                if isinstance(event, Checked):
                    return event

    def _pool(self, fresh: bool) -> Pool:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="workbench-check-"))
            # Tests that are parametrized with checks have no last one that could close it.
            self._end = weakref.finalize(self, _end, self._pools, self._folder)
        if fresh not in self._pools:
            home = self._folder / ("fresh" if fresh else "home")
            home.mkdir()
            setup = Setup(str(home), task="", threads=1, device="cpu")
            self._pools[fresh] = Pool(setup, 1, machine_memory() // 2, grace=1.0, program=PROGRAM)
        return self._pools[fresh]


def find(name: str) -> tuple[str, str]:
    """(distribution, name) of an installed plugin; nothing is imported.

    Raises:
        UnknownName: no such plugin is installed.
        PluginError: several are called that, or it is switched off.
    """
    keys = list(plugins())
    found = [key for key in keys if name in (key[1], ":".join(key))] or [key for key in keys if key[0] == name]
    if not found:
        raise UnknownName("plugin", name, [plugin for _, plugin in keys], "workbench plugins")
    if len(found) > 1:
        raise PluginError(f"several plugins are called {name!r}; say {' or '.join(':'.join(key) for key in found)}")
    if plugins()[found[0]].blocked:
        raise PluginError(f"plugin {name} is switched off by WORKBENCH_PLUGINS_OFF; take it off that list to check it")
    return found[0]


def check_plugin(name: str, options: Mapping[str, str] | None = None) -> list[Outcome]:
    """Run every check of an installed plugin; returns what became of each.

    Args:
        name: as for `Examination`.
        options: as for `Examination`.

    Raises:
        AssertionError: a check fails; the message has all that do.
        UnknownName: no such plugin is installed.
    """
    with Examination(name, options) as examination:
        outcomes = [examination.run(case) for case in examination.cases]
    failed = [outcome.message for outcome in outcomes if outcome.state == "failed"]
    if failed:
        raise AssertionError(f"{len(failed)} of {len(outcomes)} checks of plugin {name} failed\n\n" + "\n".join(failed))
    return outcomes


def parametrize_with_checks(
    name: str, expected_failures: Mapping[str, str] | None = None, options: Mapping[str, str] | None = None
) -> Callable[[Callable[..., Any]], Any]:
    """Make a test one test for each check of an installed plugin; it is given `check`, and calls `check()`.

        @parametrize_with_checks("my-plugin", {"my-model:it_stops_at_the_deadline": "the library cannot be stopped"})
        def test_the_plugin_keeps_its_promises(check):
            check()

    A check fails with the message of its outcome. One that is expected to fail counts as such (xfail) with the reason
    that is given, and fails when it passes. A check that cannot be run here is skipped, with the reason.

    Args:
        name: as for `Examination`.
        expected_failures: `check` or `target:check` -> the reason.
        options: as for `Examination`.

    Raises:
        UnknownName: no such plugin is installed, or no such check.
    """
    import pytest

    expected = dict(expected_failures or {})
    examination = Examination(name, options)
    ids = {key for case in examination.cases for key in (case.id, case.check.name)}
    for key in expected:
        if key not in ids:
            raise UnknownName("check", key, ids, f"workbench plugins check {name} --json")
    parameters = []
    for case in examination.cases:
        reason = expected.get(case.id, expected.get(case.check.name, ""))
        parameters.append(pytest.param(_asserting(examination, case, reason), id=case.id))
    examination.close()  # it has listed its checks; processes start again when the first of them is run
    return pytest.mark.parametrize("check", parameters)


def _asserting(examination: Examination, case: Case, expected: str) -> Callable[[], None]:
    """What a test calls."""

    def check() -> None:
        import pytest

        outcome = examination.run(case)
        if outcome.state == "skipped":
            pytest.skip(outcome.seen)
        if expected and outcome.state == "passed":
            raise AssertionError(f"{case.id} passes, though it is expected to fail ({expected}); expect it no more")
        if outcome.state == "failed":
            if expected:
                pytest.xfail(expected)
            raise AssertionError(outcome.message)

    return check


def _end(pools: dict[bool, Pool], folder: Path) -> None:
    for pool in pools.values():
        pool.close()
    pools.clear()
    shutil.rmtree(folder, ignore_errors=True)


def _unending(seconds: float) -> str:
    return f"it had not ended after {seconds:.0f} s and was stopped"
