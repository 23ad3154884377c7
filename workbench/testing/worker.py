"""The process in which checks run: `python -m workbench.testing.worker`, started and talked to as any worker."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import workbench
from workbench.errors import UserError
from workbench.execution import work
from workbench.execution.worker import Desk, serve
from workbench.testing.generator import CHECKS
from workbench.testing.promises import Broken, Check, Kind, Untold
from workbench.testing.subjects import MetricSubject, ModelSubject, Subject, TaskSubject
from workbench.testing.subjects_of_plugins import CommandSubject, PluginSubject
from workbench.testing.watching import adopt, watch_imports

OURS = str(Path(workbench.__file__).parent) + os.sep


class Bench:
    """A plugin and what it offers, as checks look at it.

    Args:
        distribution: of the plugin.
        name: of the plugin.
        folder: for what checks write.
        options: under which tasks read their examples.
    """

    def __init__(self, distribution: str, name: str, folder: Path, options: Mapping[str, str]) -> None:
        self.plugin = PluginSubject(distribution, name, options)
        self.folder = folder
        self.subjects: dict[tuple[str, str], Subject] = {}

    def offered(self) -> dict[Kind, list[str]]:
        """Of each kind, what the plugin offers; metrics and models by their names alone."""
        plugin = self.plugin.plugin
        return {
            "task": [spec.name for spec in plugin.tasks],
            "model": [spec.name for spec in plugin.models],
            "metric": [spec.name for spec in plugin.metrics],
            "command": [command.name for command in self.plugin.commands],
        }

    def subject(self, kind: Kind, target: str) -> Subject:
        """What is called `target`."""
        key = kind, target
        if key not in self.subjects:
            self.subjects[key] = self._subject(kind, target)
        return self.subjects[key]

    def _subject(self, kind: Kind, target: str) -> Subject:
        if kind == "plugin":
            return self.plugin
        if kind == "command":
            return CommandSubject(next(each for each in self.plugin.commands if each.name == target))
        plugin = self.plugin.plugin
        if kind == "model":
            model = next(spec for spec in plugin.models if spec.name == target)
            return ModelSubject(model, self._task(model.task), self.plugin)
        if kind == "metric":
            metric = next(spec for spec in plugin.metrics if spec.name == target)
            return MetricSubject(metric, self._task(metric.task), self.plugin)
        task = next(spec for spec in plugin.tasks if spec.name == target)
        return TaskSubject(task, self.plugin.registry, self.folder, self.plugin, self.plugin.options)

    def _task(self, name: str) -> TaskSubject:
        """The plugin's own task of that name, else the one that is on offer."""
        key = "task", name
        if key not in self.subjects and name not in self.offered()["task"]:
            registry = self.plugin.registry
            try:
                offer = registry.task(name)
            except UserError as error:
                raise Broken(str(error), "name a task that is installed in the spec") from error
            self.subjects[key] = TaskSubject(offer.spec, registry, self.folder, options=self.plugin.options)
        found = self.subject("task", name)
        assert isinstance(found, TaskSubject)
        return found


def run(check: Check, subject: Callable[[], Subject]) -> dict[str, Any]:
    """What a check finds: its state, what was seen and the remedy."""
    try:
        check(subject())
    except Untold as reason:
        return {"state": "skipped", "seen": str(reason), "remedy": ""}
    except Broken as broken:
        return {"state": "failed", "seen": broken.seen, "remedy": broken.remedy or check.remedy}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is a promise not kept
        return {"state": "failed", "seen": f"it raises {work.reason(error)}{_place(error)}", "remedy": check.remedy}
    return {"state": "passed", "seen": "", "remedy": ""}


class BenchDesk(Desk):
    """Runs the checks it is asked for; one bench for all questions about a plugin."""

    def __init__(self, setup: work.Setup, answers: BinaryIO) -> None:
        own = Path(tempfile.mkdtemp(prefix="tmp-", dir=setup.folder))
        os.environ["TMPDIR"] = tempfile.tempdir = str(own)
        self.benches: dict[tuple[str, str], Bench] = {}
        super().__init__(setup, answers)
        adopt()
        watch_imports()

    def ways(self) -> Mapping[type, Callable[[Any], work.Event]]:
        return {work.Check: self._check}

    def _check(self, question: work.Check) -> work.Checked:
        about = question.about
        key = about["distribution"], about["plugin"]
        if key not in self.benches:
            self.benches[key] = Bench(*key, Path(about["folder"]), about["options"])
        bench = self.benches[key]
        if "check" not in about:
            return work.Checked(question.id, {"offered": bench.offered()})
        started = time.perf_counter()
        kind: Kind = about["kind"]
        chosen = next(check for check in CHECKS[kind] if check.name == about["check"])
        found = run(chosen, lambda: bench.subject(kind, about["target"]))
        return work.Checked(question.id, {**found, "seconds": time.perf_counter() - started})


def _place(error: BaseException) -> str:
    """Where outside Workbench an exception was raised, if that is to be seen."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(OURS)]
    if not frames or frames[-1].filename.startswith("<"):
        return ""
    path = Path(frames[-1].filename)
    return f" ({path.parent.name}/{path.name}, line {frames[-1].lineno})"


if __name__ == "__main__":
    serve(BenchDesk)
