"""What a task promises: data and splits that can be made again, sound metrics, answers that can be printed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.contract.metric import Evaluation, Metric
from workbench.contract.task import Answer, Source, Task
from workbench.errors import DataError, ModelError, UserError
from workbench.execution.scoring import is_finite
from workbench.testing.comparing import CLOSE, difference, rows_of
from workbench.testing.promises import Broken, Untold, check
from workbench.testing.subjects import PARTS, SEED, TaskSubject


@check(
    "task",
    promised="`load` names a subclass of workbench.Task that declares metrics, baseline, part, encoding, splits and "
    "output",
    remedy="see workbench.Task for what each of them is",
)
def it_is_a_task(subject: TaskSubject) -> None:
    loaded = subject.loaded
    if not (isinstance(loaded, type) and issubclass(loaded, Task)):
        raise Broken(f"{subject.spec.load} is {loaded!r}")
    task: Task[Any] = loaded()
    names = ("metrics", "baseline", "part", "encoding", "splits", "output")
    declared: dict[str, Any] = {name: getattr(task, name, None) for name in names}
    metrics = declared["metrics"] or ()
    fits = {
        "metrics": _is_listed(metrics) and bool(metrics) and all(isinstance(metric, Metric) for metric in metrics),
        "baseline": isinstance(declared["baseline"], str),
        "part": isinstance(declared["part"], type) and dataclasses.is_dataclass(declared["part"]),
        "encoding": isinstance(declared["encoding"], type) and dataclasses.is_dataclass(declared["encoding"]),
        "splits": isinstance(declared["splits"], Mapping) and bool(declared["splits"]),
        "output": _is_listed(declared["output"]),
    }
    wrong = [name for name, fit in fits.items() if not fit]
    if wrong:
        raise Broken("; ".join(f"{name} is {declared[name]!r}" for name in wrong))


@check(
    "task",
    promised="the baseline is a model on offer for the task",
    remedy="announce a model of that name for this task in workbench_models, or name one that is there",
    after=it_is_a_task,
)
def its_baseline_is_on_offer(subject: TaskSubject) -> None:
    offers = subject.registry.models(subject.spec.name)
    if subject.task.baseline not in offers:
        raise Broken(f"baseline {subject.task.baseline!r}; on offer are {', '.join(offers) or 'none'}")


@check(
    "task",
    promised="example(seed) can be read, and gives the same data each time",
    remedy="draw everything in example from np.random.default_rng(seed), and give read nothing else to depend on",
    after=it_is_a_task,
)
def its_example_is_reproducible(subject: TaskSubject) -> None:
    first = subject.dataset
    again = subject.example()
    if first.fingerprint != again.fingerprint:
        raise Broken(f"fingerprint {first.fingerprint[:12]} at first, {again.fingerprint[:12]} the second time")
    if found := difference(first.data, again.data, "data"):
        raise Broken(found)


@check(
    "task",
    promised="parts and the encoding are dataclasses that a run can store and map again",
    remedy="keep arrays, Arrow arrays and tables, plain values and dataclasses of them in Task.part and Task.encoding",
    after=its_example_is_reproducible,
)
def parts_survive_being_stored(subject: TaskSubject) -> None:
    for name in PARTS:
        part = getattr(subject.split, name)
        if not isinstance(part, subject.task.part):
            raise Broken(f"{name} is a {type(part).__name__}, Task.part is {subject.task.part.__name__}")
    for name in PARTS:
        # What a part computes when asked is no field, and is computed again.
        plain = dataclasses.replace(getattr(subject.split, name))
        if found := difference(plain, dataclasses.replace(subject.parts[name]), name):
            raise Broken(found)
    kept = subject.task.kept_encoding(subject.dataset, subject.split)
    if found := difference(dataclasses.replace(kept), dataclasses.replace(subject.encoding), "encoding"):
        raise Broken(found)


@check(
    "task",
    promised="a part says its shape, a dict of counts, and what it provides, a set of words",
    remedy="give the part's dataclass the properties shape and provides; a model's estimate and needs are held against "
    "them",
    after=parts_survive_being_stored,
)
def parts_say_their_shape(subject: TaskSubject) -> None:
    part = subject.parts["train"]
    shape, provides = getattr(part, "shape", None), getattr(part, "provides", None)
    if not isinstance(shape, dict) or not all(type(count) is int for count in shape.values()):
        raise Broken(f"shape is {shape!r}")
    if not isinstance(provides, set | frozenset):
        raise Broken(f"provides is {provides!r}")


@check(
    "task",
    promised="the same dataset, strategy and seed give the same split",
    remedy="draw from np.random.default_rng(seed) alone, and never change the dataset",
    after=its_example_is_reproducible,
)
def splits_are_reproducible(subject: TaskSubject) -> None:
    for strategy in (None, *subject.task.splits):
        try:
            first, again = (subject.task.split(subject.dataset, strategy, SEED) for _ in range(2))
        except UserError as refusal:
            if strategy is None:
                raise Broken(f"split refuses the example: {refusal}") from refusal
            continue
        if first.identity != again.identity:
            raise Broken(f"{first.strategy}: identity {first.identity!r}, then {again.identity!r}")
        for name in PARTS:
            one, other = (dataclasses.replace(getattr(split, name)) for split in (first, again))
            if found := difference(one, other, name):
                raise Broken(f"{first.strategy}: {found}")


@check(
    "task",
    promised="no row is in two of train, valid and test, and none of test in train_valid",
    remedy="give each row of the data to one part; rows that occur several times, as often as they occur",
    after=splits_are_reproducible,
)
def split_parts_are_disjoint(subject: TaskSubject) -> None:
    whole = rows_of(subject.dataset.data)
    for strategy in (None, *subject.task.splits):
        try:
            split = subject.task.split(subject.dataset, strategy, SEED)
        except UserError:
            continue
        for together in (("train", "valid", "test"), ("train_valid", "test")):
            parts = {name: rows_of(getattr(split, name)) for name in together}
            for name, part in parts.items():
                if not part:
                    raise Broken(f"{split.strategy}: {name} has no rows")
            used = sum(parts.values(), type(whole)())
            told = used <= whole if set(used) <= set(whole) else max(used.values()) == 1
            if not told:
                row = next(row for row, count in used.items() if count > max(1, whole[row]))
                holders = [name for name, part in parts.items() if part[row]]
                many = sum(count > max(1, whole[row]) for row, count in used.items())
                raise Broken(f"{split.strategy}: {many:,} rows are in {' and '.join(holders)} at once")


@check(
    "task",
    promised="evaluate gives every declared metric as a finite number, the mean of its values per example where it "
    "gives those",
    remedy="return Evaluation(metrics, per_example) with a Python float for each name that is asked for and known",
    after=parts_survive_being_stored,
)
def metrics_are_as_declared_and_finite(subject: TaskSubject) -> None:
    _, found = subject.baseline.fitted
    if not isinstance(found, Evaluation):
        raise Broken(f"evaluate gives a {type(found).__name__}")
    for name in subject.metrics:
        if name not in found.metrics:
            raise Broken(f"{name} is declared and was asked for, but is not in Evaluation.metrics")
        if not is_finite(found.metrics[name]):
            raise Broken(f"{name} is {found.metrics[name]!r} for the baseline {subject.task.baseline}")
    lengths = {name: len(values) for name, values in (*found.per_example.items(), *found.answers.items())}
    if found.example_ids is not None:
        lengths["example_ids"] = len(found.example_ids)
    if len(set(lengths.values())) > 1:
        raise Broken(f"per_example, answers and example_ids are of different lengths: {lengths}")
    for name, values in found.per_example.items():
        if not np.isclose(np.mean(values, dtype=np.float64), found.metrics.get(name, np.nan), rtol=1e-4, atol=1e-6):
            raise Broken(f"{name} is {found.metrics.get(name)}, the mean of its values is {np.mean(values):.6g}")


@check(
    "task",
    promised="evaluate gives the same for the same model, and leaves out metrics that it does not know",
    remedy="draw nothing while scoring; a name that is none of the task's is a plugin's, for which answers are enough",
    after=metrics_are_as_declared_and_finite,
)
def evaluations_are_reproducible(subject: TaskSubject) -> None:
    model, first = subject.baseline.fitted
    again = subject.baseline.evaluate(model, (*subject.metrics, "a-plugin's-metric"))
    if found := difference(first.metrics, again.metrics, "metrics"):
        raise Broken(found)


@check(
    "task",
    promised="an answer is a table with the columns of Task.output whose rows are JSON",
    remedy="put strings and finite numbers into Answer.table; workbench predict prints and writes it",
    after=metrics_are_as_declared_and_finite,
)
def answers_are_json(subject: TaskSubject) -> None:
    if not subject.probes:
        raise Untold("the task has no probes, so there is nothing to ask; give it Task.probes")
    for probe, answer in subject.answers(subject.baseline.fitted[0]):
        if isinstance(answer, UserError):
            continue
        if not isinstance(answer, Answer):
            raise Broken(f"asked for {probe.name}, answer gives a {type(answer).__name__}")
        lacking = [name for name in subject.task.output if name not in answer.table.column_names]
        if lacking:
            raise Broken(f"asked for {probe.name}, the table lacks {', '.join(lacking)}")
        try:
            json.dumps(answer.table.to_pylist(), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise Broken(f"asked for {probe.name}: {error}") from error


@check(
    "task",
    promised="a model that answers the same to everything scores no better than the baseline",
    remedy="look at how ties are counted, and whether the example is in an order that gives its answers away",
    after=metrics_are_as_declared_and_finite,
)
def a_constant_answer_is_no_better_than_the_baseline(subject: TaskSubject) -> None:
    model, baseline = subject.baseline.fitted
    metric = subject.searched
    try:
        found = subject.baseline.evaluate(Constant(model))
    except ModelError:
        return  # such an answer is refused
    value = found.metrics[metric.name]
    ours, theirs = metric.objective(value), metric.objective(baseline.metrics[metric.name])
    if ours > theirs + CLOSE * max(1.0, abs(theirs)):
        raise Broken(
            f"{metric.name} of a constant answer is {value:.6g}, of the baseline {subject.task.baseline} "
            f"{baseline.metrics[metric.name]:.6g}"
        )


@check(
    "task",
    promised="a file that cannot be read is a DataError, which users are told in one line",
    remedy="catch what a reader raises, and say what is wrong, in which file, row and column",
    after=it_is_a_task,
)
def a_missing_file_is_a_data_error(subject: TaskSubject) -> None:
    missing = subject.folder / "no such file.csv"
    try:
        subject.task.read(Source(missing), {})
    except DataError:
        return
    except UserError as error:
        raise Broken(f"a file that is not there raises {type(error).__name__}: {error}") from error
    raise Broken("a file that is not there was read")


def _is_listed(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


class Constant:
    """A fitted model whose every answer is made the same number: the mean of what it would have answered."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._model, name)
        return _levelled(value) if callable(value) and not name.startswith("__") else value


def _levelled(ask: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*args: Any, **kwargs: Any) -> Any:
        found = ask(*args, **kwargs)
        return tuple(map(_level, found)) if isinstance(found, tuple) else _level(found)

    return answer


def _level(array: Any) -> Any:
    if not isinstance(array, np.ndarray) or not array.size:
        return array
    if array.dtype.kind != "f":
        return np.full_like(array, array.flat[0])
    finite = array[np.isfinite(array)]
    return np.full_like(array, finite.mean() if finite.size else 0)
