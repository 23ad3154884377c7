"""What checks look at: a task, a model or a metric, with the little data and the fits that they share.

All of it is lazy, and lives in a process that runs checks and nothing else.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from workbench.contract.context import Context
from workbench.contract.hooks import MetricSpec, ModelSpec, TaskSpec
from workbench.contract.metric import Evaluation, Metric
from workbench.contract.model import Model
from workbench.contract.split import Dataset, Split
from workbench.contract.task import Answer, Probe, Task
from workbench.data import mapped
from workbench.errors import UserError
from workbench.execution import scoring
from workbench.execution.memory import private_memory
from workbench.registry import Registry, load_class
from workbench.testing.promises import Broken, Untold
from workbench.testing.subjects_of_plugins import CommandSubject, PluginSubject
from workbench.testing.watching import Traces, watched

SEED = 0
PARTS = ("train", "valid", "train_valid", "test")


@dataclass(frozen=True)
class Cost:
    """What a fit and its scoring took: CPU seconds, and bytes by which the process grew."""

    seconds: float
    memory: int


class TaskSubject:
    """A task with its example.

    Args:
        spec: of the task.
        registry: where its baseline is found.
        folder: for what checks write.
        owner: the plugin that is checked.
        options: under which the example is read, as far as the task has them.
    """

    def __init__(
        self,
        spec: TaskSpec,
        registry: Registry,
        folder: Path,
        owner: PluginSubject | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.spec, self.registry, self.folder, self.owner = spec, registry, folder, owner
        self.options = options or {}

    @cached_property
    def loaded(self) -> Any:
        """What `load` names, a class or not; raises `Untold` where what it requires is not installed."""
        return _load(self.registry.tasks, self.spec)

    @cached_property
    def task(self) -> Task[Any]:
        task: Task[Any] = self.loaded()
        return task

    @cached_property
    def dataset(self) -> Dataset[Any]:
        return self.example()

    def example(self) -> Dataset[Any]:
        """The example, read anew."""
        known = {name: value for name, value in self.options.items() if name in self.task.options}
        return self.task.read(self.task.example(SEED), known)

    @cached_property
    def split(self) -> Split[Any]:
        """In memory: never hand it to a model."""
        return self.task.split(self.dataset, None, SEED)

    @cached_property
    def stored(self) -> Path:
        """The folder in which the parts and the encoding lie, as a run keeps them."""
        root = Path(tempfile.mkdtemp(prefix="task-", dir=self.folder))
        parts = mapped.Writer(root / "parts")
        for name in PARTS:
            parts.write(getattr(self.split, name), name)
        mapped.Writer(root).write(self.task.kept_encoding(self.dataset, self.split), "encoding")
        return root

    @cached_property
    def parts(self) -> dict[str, Any]:
        """Every part as models are given it in a run: mapped, read-only."""
        return {name: mapped.read(self.task.part, self.stored / "parts", name) for name in PARTS}

    @cached_property
    def encoding(self) -> Any:
        """As stored models are given it."""
        return mapped.read(self.task.encoding, self.stored, "encoding")

    @property
    def searched(self) -> Metric:
        """The metric that a run on the example searches."""
        return self.task.metrics_for(self.parts["train"])[0]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those that suit the example."""
        return tuple(metric.name for metric in self.task.metrics_for(self.parts["train"]))

    @cached_property
    def probes(self) -> tuple[Probe, ...]:
        """The task's odd queries; there may be none."""
        folder = self.stored / "probes"
        folder.mkdir(exist_ok=True)
        return tuple(self.task.probes(self.encoding, folder))

    @cached_property
    def baseline(self) -> ModelSubject:
        """The model that is always tried first."""
        offer = self.registry.model(self.spec.name, self.task.baseline)
        return ModelSubject(offer.spec, self)

    def ready(self) -> TaskSubject:
        """Itself, once its data is there.

        Raises:
            Untold: its example cannot be used; what is wrong is for the checks of the task to say.
        """
        try:
            _ = self.parts, self.encoding, self.metrics
        except (Exception, SystemExit) as error:
            raise Untold(f"the example of task {self.spec.name} cannot be used: {error}") from error
        return self

    def answers(self, model: Any) -> list[tuple[Probe, Answer | UserError]]:
        """What a fitted model, and the task for it, answers to every probe."""
        answers: list[tuple[Probe, Answer | UserError]] = []
        for probe in self.probes:
            try:
                answers.append((probe, self.task.answer(model, self.encoding, probe.query)))
            except UserError as refusal:
                answers.append((probe, refusal))
            except Exception as error:
                raise Broken(f"asked for {probe.name}, it raises {type(error).__name__}: {error}") from error
        return answers

    def exercise(self) -> None:
        """Use it as a run does."""
        _ = self.baseline.fitted
        self.answers(self.baseline.fitted[0])


class ModelSubject:
    """A model with the data of its task's example, and a fit that checks share.

    Args:
        spec: of the model.
        data: of its task.
        owner: the plugin that is checked.
    """

    def __init__(self, spec: ModelSpec, data: TaskSubject, owner: PluginSubject | None = None) -> None:
        self.spec, self._data, self.owner = spec, data, owner
        self.traces = Traces()
        self.cost = Cost(0.0, 0)
        self.best_epochs: int | None = None

    @cached_property
    def loaded(self) -> Any:
        """What `load` names, a class or not; raises `Untold` where what it requires is not installed."""
        return _load(self._data.registry.models(self.spec.task), self.spec)

    @property
    def package(self) -> str:
        """The top-level package that the model is from."""
        return self.spec.load.partition(":")[0].partition(".")[0]

    @property
    def model(self) -> type[Model]:
        model: type[Model] = self.loaded
        return model

    @cached_property
    def data(self) -> TaskSubject:
        """The task; raises `Untold` where its example cannot be used, or is nothing for this model."""
        data = self._data.ready()
        lacking = sorted(set(self.model.needs) - data.parts["train"].provides)
        if lacking:
            raise Untold(f"the example of task {data.spec.name} has no {', '.join(lacking)}, which this model needs")
        return data

    @property
    def shape(self) -> Mapping[str, int]:
        shape: Mapping[str, int] = self.data.parts["train"].shape
        return shape

    @property
    def saved(self) -> Path:
        """Where the shared fit is saved."""
        return self._data.folder / "models" / self.spec.name

    def build(self) -> Model:
        return self.model.build({})

    def fit(
        self,
        model: Model,
        train: Any = None,
        *,
        search: bool = True,
        deadline: float | None = None,
        on_report: Callable[[int, float | None], float | None] | None = None,
    ) -> Model:
        """Fit as a worker does, from the same seeds; returns the model.

        Args:
            model: to fit.
            train: what to fit on; `train` by default, or `train_valid` when not `search`.
            search: whether there is a part to report on; else it is a refit.
            deadline: the `time.monotonic()` by which it must end.
            on_report: hears of reports; by default they are scored.
        """
        valid = self.data.parts["valid"]
        context = Context(
            seed=SEED,
            device_setting="cpu",
            deadline=deadline,
            valid=valid if search else None,
            model=model,
            larger_is_better=self.data.searched.larger_is_better,
            fixed_epochs=None if search else self.best_epochs,
            on_shared=_read_only,
        )

        def scored(step: int, value: float | None) -> float:
            first = self.data.metrics[:1]
            return self.evaluate(model, first).metrics[first[0]] if value is None else value

        context.on_report = on_report or scored
        random.seed(SEED)
        np.random.seed(SEED)
        if train is None:
            train = self.data.parts["train" if search else "train_valid"]
        with watched(self.traces, self.package):
            model.fit(train, context)
        self.best_epochs = context.best_epochs if search else self.best_epochs
        return model

    def evaluate(self, model: Any, metrics: Sequence[str] = ()) -> Evaluation:
        """Of a fitted model on valid."""
        return self.data.task.evaluate(model, self.data.parts["valid"], tuple(metrics) or self.data.metrics)

    @cached_property
    def fitted(self) -> tuple[Model, Evaluation]:
        """The fit that checks share: on train, with the defaults. Never change the model."""
        _ = self.data, self.model
        started, size = time.process_time(), private_memory(os.getpid())
        model = self.fit(self.build())
        evaluation = self.evaluate(model)
        self.cost = Cost(time.process_time() - started, max(0, private_memory(os.getpid()) - size))
        return model, evaluation

    def exercise(self) -> None:
        """Use it as a run does."""
        _ = self.fitted


class MetricSubject:
    """A metric that the plugin adds to a task.

    Args:
        spec: of the metric.
        data: of its task.
        owner: the plugin that is checked.
    """

    def __init__(self, spec: MetricSpec, data: TaskSubject, owner: PluginSubject | None = None) -> None:
        self.spec, self._data, self.owner = spec, data, owner

    @cached_property
    def loaded(self) -> Any:
        """What `load` names, a function or not; raises `Untold` where what it requires is not installed."""
        return _load(self._data.registry.metrics(self.spec.task, self._data.task), self.spec)

    def value(self) -> Evaluation:
        """The evaluation of the task's baseline with this metric as the first."""
        baseline = self._data.ready().baseline
        model, _ = baseline.fitted
        part, name = self._data.parts["valid"], self.spec.name
        found, _ = scoring.evaluate(self._data.task, model, part, (name,), {name: self.spec.load})
        return found

    def exercise(self) -> None:
        """Use it as a run does."""
        self.value()


Subject = PluginSubject | TaskSubject | ModelSubject | MetricSubject | CommandSubject


def _load(offers: Mapping[str, Any], spec: TaskSpec | ModelSpec | MetricSpec) -> Any:
    missing = next((offer.missing for offer in offers.values() if offer.spec == spec), ())
    if missing:
        raise Untold(f"needs {', '.join(missing)}: pip install {' '.join(missing)}")
    return load_class(spec.load)


def _read_only(key: str, compute: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """As what is computed once for a run: the arrays cannot be changed."""
    arrays = {name: np.array(value) for name, value in compute().items()}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays
