"""Scoring a fitted model: by its task, then by the metrics that plugins add."""

from __future__ import annotations

import contextlib
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.contract.metric import Evaluation, Group, Metric, Mistake, Scored
from workbench.errors import ModelError, PluginError, UserError
from workbench.execution.work import reason
from workbench.printable import printable
from workbench.registry import load_class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from workbench.contract.model import Model
    from workbench.contract.task import Task

NOTE_KEPT = 200

TEXT_KEPT = 100
"""Characters of an example that is named as a mistake."""


def evaluate(
    task: Task[Any],
    model: Model,
    part: Any,
    names: Sequence[str],
    scorers: Mapping[str, str],
    *,
    groups: bool = False,
) -> tuple[Evaluation, tuple[str, ...]]:
    """Score a fitted model on one part.

    Args:
        task: that the model is for.
        model: fitted.
        part: to score it on.
        names: of the metrics; the first is the one that must be there.
        scorers: name -> `"package.module:function"` of those metrics that are plugins'.
        groups: whether the result is broken down, down to the worst mistakes.

    Returns:
        The evaluation, and a line for each metric that is missing, which says why.

    Raises:
        ModelError: the first metric is a plugin's and gives something that cannot be used.
        PluginError: it cannot be loaded, or raises.
    """
    found, missing = completed(task.evaluate(model, part, names), part, names, scorers)
    if groups:
        broken_down, mistakes = task.groups(found, part, names), task.mistakes(found, part)
        found = replace(found, groups=tuple(map(_checked, broken_down)), mistakes=tuple(map(_listed, mistakes)))
    return found, missing


def completed(
    found: Evaluation, part: Any, names: Sequence[str], scorers: Mapping[str, str]
) -> tuple[Evaluation, tuple[str, ...]]:
    """A task's evaluation with the metrics of plugins beside its own; as `evaluate`."""
    missing = []
    for name in names:
        if name not in scorers:
            continue
        try:
            found = _with_metric(found, name, _computed(scorers[name], name, found, part))
        except (ModelError, PluginError) as error:
            if name == names[0]:
                raise
            missing.append(reason(error)[:NOTE_KEPT])
    return found, tuple(missing)


def temperature(task: Task[Any], evaluations: Sequence[Evaluation]) -> float | None:
    """What a model's probabilities are to be calibrated by, from how it did on several parts; None where it has none.

    Raises:
        ModelError: the task gives what is no temperature.
    """
    found = [task.temperature(evaluation) for evaluation in evaluations]
    each = [value for value in found if value is not None]
    if not each:
        return None
    wrong = next((value for value in each if not is_finite(value) or value <= 0), None)
    if wrong is not None:
        raise ModelError(f"the temperature of the answers is {wrong!r}; a finite number above 0 is needed")
    return statistics.geometric_mean(each)


def joined(
    scored: Sequence[Evaluation], name: str
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]] | None:
    """(values, examples, folds) of a metric over several folds; None where it is no mean over examples.

    Examples without ids are those of their fold alone.
    """
    import numpy as np

    if not all(name in each.per_example for each in scored):
        return None
    values = [each.per_example[name] for each in scored]
    lengths = [len(each) for each in values]
    starts = np.cumsum([0, *lengths])
    examples = [
        np.arange(start, start + length) if each.example_ids is None else each.example_ids
        for each, start, length in zip(scored, starts, lengths, strict=False)
    ]
    return np.concatenate(values), np.concatenate(examples), np.repeat(np.arange(len(scored)), lengths)


def intervals(scored: Sequence[Evaluation], task: Task[Any]) -> dict[str, tuple[float, float]]:
    """Name -> (low, high), 95 %, of the metrics that are means over examples; with the luck of several folds' fits.

    Those of the task's own metrics end where the metric does.
    """
    from workbench.metrics.significance import mean_over_draws

    found = {}
    for name, value in mean(scored).metrics.items():
        rows = joined(scored, name)
        half = math.inf if rows is None else mean_over_draws(*rows).half_width()
        if is_finite(value) and math.isfinite(half):
            found[name] = _metric(task, name).interval(value, half)
    return found


def _metric(task: Task[Any], name: str) -> Metric:
    """A metric of the task, or one of a plugin, whose bounds are not known."""
    try:
        return task.metric(name)
    except UserError:
        return Metric(name, "")


def mean(folds: Sequence[Evaluation]) -> Evaluation:
    """The means over folds of the metrics that all have."""
    if len(folds) == 1:
        return folds[0]
    return Evaluation(
        {
            name: statistics.fmean(each.metrics[name] for each in folds)
            for name in folds[0].metrics
            if all(name in each.metrics for each in folds)
        }
    )


def _computed(load: str, name: str, found: Evaluation, part: Any) -> NDArray[np.float32] | float:
    """What a plugin's metric makes of a model's answers: a value for each example, or one for all."""
    import numpy as np

    if not found.answers:
        raise ModelError(f"metric {name}: the task gives no answers to compute it from")
    answers = {key: values.view() for key, values in found.answers.items()}
    for values in answers.values():
        values.flags.writeable = False
    n = len(next(iter(answers.values())))
    rows = np.arange(n, dtype=np.int64) if found.example_ids is None else found.example_ids
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answer, which may be JSON
            value = load_class(load)(Scored(answers, found.truth, rows, part))
    except (Exception, SystemExit) as error:
        raise PluginError(f"metric {name}: {reason(error)}") from error
    if isinstance(value, np.ndarray) and value.shape and value.dtype.kind in "biuf":
        if value.shape != (n,):
            raise ModelError(f"metric {name} gives values of shape {value.shape}; ({n},) or a single number is needed")
        with np.errstate(over="ignore"):
            value = value.astype(np.float32)
        if not np.isfinite(value).all():
            raise ModelError(f"metric {name} gives values that are not finite")
        return value
    if not is_finite(value):
        raise ModelError(f"metric {name} is {_shown(value)}; a finite number, or an array of a number a row, is needed")
    return float(value)


def _with_metric(found: Evaluation, name: str, value: NDArray[np.float32] | float) -> Evaluation:
    if isinstance(value, float):
        return replace(found, metrics={**found.metrics, name: value})
    mean = float(value.mean(dtype="float64"))
    return replace(found, metrics={**found.metrics, name: mean}, per_example={**found.per_example, name: value})


def _checked(group: Group) -> Group:
    """A group as it can be stored."""
    if not is_finite(group.value):
        raise ModelError(f"{group.metric} of {group.by} {group.name!r} is {group.value!r}; a finite number is needed")
    return Group(str(group.by), str(group.name), str(group.metric), float(group.value), int(group.count))


def _listed(mistake: Mistake) -> Mistake:
    """A mistake as it can be stored and shown: each text on one line and not long, whatever it holds."""
    if not is_finite(mistake.probability):
        raise ModelError(f"the probability of a mistake is {mistake.probability!r}; a finite number is needed")
    example, right, predicted = map(_one_line, (mistake.example, mistake.right_class, mistake.predicted_class))
    return Mistake(example, right, predicted, float(mistake.probability))


def _one_line(text: str) -> str:
    whole = printable(" ".join(str(text)[: 10 * TEXT_KEPT].split()))
    return whole if len(whole) <= TEXT_KEPT else f"{whole[: TEXT_KEPT - 1]}…"


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, float | bool | None) else f"a {type(value).__name__}"


def is_finite(value: Any) -> bool:
    """Whether a value is one finite number."""
    import numpy as np

    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False
