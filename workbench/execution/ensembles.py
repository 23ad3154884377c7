"""How much each of several models should count when they answer together, and how good that is.

Greedy selection with replacement (Caruana et al., "Ensemble Selection from Libraries of Models", ICML 2004), jointly
over all draws of the validation part. What is said of the result is cross-fitted: each fold of the examples of a draw
is scored with weights that were chosen on the other folds of the other draws, so that neither the luck of fits nor the
examples that chose the weights are what they are judged by.
"""

from __future__ import annotations

import functools
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.contract.metric import Evaluation
from workbench.contract.task import Task
from workbench.errors import StoreError
from workbench.execution import scoring, values, work
from workbench.metrics.significance import Mean, mean_over_draws

MEMBERS = "members.json"

ROUNDS = 25
PATIENCE = 8
"""Rounds without a gain after which no more are tried."""

EXAMPLES = 2_000
"""Of each draw, on which weights are compared; what they give in the end is computed on all."""

FOLDS = 4
"""Of the examples, of which each is judged by weights chosen on the others."""

LEAST_GAIN = 1.645
"""In standard errors: what a gain by chance alone exceeds in one case of twenty, where errors are well known."""

FINAL = 0.5
"""Of the time: what the weights that are kept may take, and then those by which they are judged."""

Blend = Callable[[Sequence[int]], Evaluation]


@dataclass(frozen=True)
class Cell:
    """A part of the examples of a draw, on which weights are compared.

    Args:
        draw: which one.
        fold: from 0 to `FOLDS` - 1; an example is in the same one in every draw.
        share: of the draw's examples.
        value: of weights, larger is better.
    """

    draw: int
    fold: int
    share: float
    value: Callable[[tuple[int, ...]], float]


def greedy(n: int, value: Callable[[Sequence[int]], float], enough: Callable[[], bool]) -> tuple[int, ...]:
    """How often each of n models is taken, one at a time, each time the one with which the value is largest.

    Args:
        n: how many there are.
        value: of weights, larger is better.
        enough: whether to be content with the best so far; at least one model is always taken.
    """
    weights = [0] * n
    best, chosen, stale = -np.inf, (0,) * n, 0
    for _ in range(ROUNDS):
        steps = []
        for model in range(n):
            weights[model] += 1
            steps.append(value(weights))
            weights[model] -= 1
        model = int(np.argmax(steps))
        weights[model] += 1
        stale = 0 if steps[model] > best else stale + 1
        if steps[model] > best:
            best, chosen = steps[model], tuple(weights)
        if stale == PATIENCE or enough():
            break
    return chosen


def value_over(cells: Sequence[Cell]) -> Callable[[Sequence[int]], float]:
    """Weights -> their value over some cells together."""
    shares = [cell.share for cell in cells]
    return lambda weights: float(np.average([cell.value(tuple(weights)) for cell in cells], weights=shares))


def others(cells: Sequence[Cell], draw: int, fold: int) -> Sequence[Cell]:
    """Those on which weights are chosen that are judged by one fold of a draw: other folds of other draws.

    A single draw has to do with its own other folds.
    """
    single = len({cell.draw for cell in cells}) == 1
    return [cell for cell in cells if cell.fold != fold and (single or cell.draw != draw)] or cells


def folds_of(evaluation: Evaluation, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[n], the fold of each row, by its example alone; neighbors are spread evenly (Fibonacci hashing)."""
    examples = rows if evaluation.example_ids is None else evaluation.example_ids
    mixed = examples.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)
    return (mixed * np.uint64(FOLDS) >> np.uint64(32)).astype(np.int64)


def merged(found: Sequence[Evaluation], rows: NDArray[np.int64]) -> Evaluation:
    """One evaluation of a draw out of one for each fold, which counts for its own examples.

    A metric that is no mean over examples is the mean of all.
    """
    metrics, per_example = {}, {}
    fold = folds_of(found[0], rows)
    for name in found[0].metrics:
        by_fold = [each.per_example[name] for each in found if name in each.per_example]
        if len(by_fold) == len(found):
            per_example[name] = np.choose(fold, by_fold)
            metrics[name] = float(per_example[name].mean(dtype="float64"))
        elif all(name in each.metrics for each in found):
            metrics[name] = statistics.fmean(each.metrics[name] for each in found)
    return Evaluation(metrics, per_example, found[0].example_ids)


def gain(together: Sequence[Evaluation], alone: Sequence[Evaluation], name: str) -> Mean:
    """How much more several models reach together than one of them, paired over the examples of all draws.

    Where the metric is no mean over examples, by the draws alone.
    """
    first, second = scoring.joined(together, name), scoring.joined(alone, name)
    if first is not None and second is not None:
        return mean_over_draws(first[0].astype(np.float64) - second[0], *first[1:])
    gains = np.array([one.metrics[name] - other.metrics[name] for one, other in zip(together, alone, strict=True)])
    return mean_over_draws(gains, np.arange(len(gains)), np.arange(len(gains)))


def weigh(
    task: Task[Any], folder: Path, question: work.Weigh, part_of: Callable[[str], Any], scorers: Mapping[str, str]
) -> work.Weighed:
    """Choose weights, and leave what such a choice gives on every draw where the parent finds it.

    Args:
        task: that the models are for.
        folder: of the run.
        question: which models, on which draws.
        part_of: the part of that name.
        scorers: metrics of plugins, name -> where the function is.

    Raises:
        ModelError: the deciding metric gives something that cannot be used.
    """
    began = time.monotonic()
    name, n = question.metrics[0], len(question.answers[0])
    draws = [_Draw(task, folder, question, number, part_of, scorers) for number in range(len(question.parts))]
    judgements = FOLDS * len(draws)

    def until(share: float) -> Callable[[], bool]:
        return lambda: question.seconds is not None and time.monotonic() - began > share * question.seconds

    cells = [cell for draw in draws for cell in draw.cells(n)]
    weights = greedy(n, value_over(cells), until(FINAL))
    singles = [tuple(int(at == model) for at in range(n)) for model in range(n)]
    found, alone, temperatures = [], [], []
    for number, draw in enumerate(draws):
        elsewhere = [value_over(others(cells, number, fold)) for fold in range(FOLDS)]
        shares = [FINAL + (1 - FINAL) * (FOLDS * number + fold + 1) / judgements for fold in range(FOLDS)]
        chosen = [greedy(n, value, until(share)) for value, share in zip(elsewhere, shares, strict=True)]
        scored = draw.scored(chosen, question.metrics if number == 0 else [name])
        best = draw.scored([max(singles, key=value) for value in elsewhere], [name])
        found.append(merged(scored, draw.rows))
        alone.append(merged(best, draw.rows))
        temperatures.append(scoring.temperature(task, list({id(each): each for each in scored}.values())))
        values.keep(folder, f"{question.id}-draw{number}" if number else question.id, found[-1:], name)
    by = gain(found, alone, name)
    known = [each for each in temperatures if each is not None]
    return work.Weighed(
        question.id,
        weights=weights,
        metrics=dict(found[0].metrics),
        intervals=scoring.intervals(found[:1], task),
        temperature=statistics.geometric_mean(known) if known else None,
        draws=tuple(each.metrics[name] for each in found),
        gains=(by.value if question.larger_is_better else -by.value) > LEAST_GAIN * by.error,
        seconds=time.monotonic() - began,
    )


@dataclass(frozen=True)
class _Draw:
    """What several models answer on one draw, to be blended by weights."""

    task: Task[Any]
    folder: Path
    question: work.Weigh
    number: int
    part_of: Callable[[str], Any]
    scorers: Mapping[str, str]

    def cells(self, n_models: int) -> list[Cell]:
        """The folds of its examples, of at most `EXAMPLES` in all; one that is empty is left out."""
        name = self.question.metrics[0]
        sign = 1 if self.question.larger_is_better else -1
        models, n = range(n_models), len(self.rows)
        rows = self.rows if n <= EXAMPLES else np.linspace(0, n - 1, EXAMPLES).astype(np.int64)
        in_fold = folds_of(self._blend(models, rows, [name])([1] * n_models), rows)

        def cell(fold: int) -> Cell:
            blend = self._blend(models, rows[in_fold == fold], [name])
            value = functools.cache(lambda weights: sign * blend(weights).metrics[name])
            return Cell(self.number, fold, float(np.mean(in_fold == fold)), value)

        return [cell(fold) for fold in range(FOLDS) if (in_fold == fold).any()]

    def scored(self, weights: Sequence[tuple[int, ...]], metrics: Sequence[str]) -> list[Evaluation]:
        """How the models do together on the whole draw, by each of several weights."""
        each = {own: self._together(own, metrics) for own in dict.fromkeys(weights)}
        return [each[own] for own in weights]

    @functools.cached_property
    def rows(self) -> NDArray[np.int64]:
        """All rows of the part that is scored."""
        return np.arange(len(next(iter(self._answers(0).values()))))

    def _together(self, weights: Sequence[int], metrics: Sequence[str]) -> Evaluation:
        members = np.flatnonzero(weights).tolist()
        return self._blend(members, self.rows, metrics)([weights[member] for member in members])

    def _answers(self, model: int) -> dict[str, NDArray[Any]]:
        return values.read_answers(self.folder, self.question.answers[self.number][model])

    def _blend(self, models: Sequence[int], rows: NDArray[np.int64], names: Sequence[str]) -> Blend:
        part = self.part_of(self.question.parts[self.number])
        answers = [{key: array[rows] for key, array in self._answers(model).items()} for model in models]
        blend = self.task.blend(answers, part, rows, names)
        return lambda weights: scoring.completed(blend(weights), part, names, self.scorers)[0]


def save(folder: Path, weights: Mapping[str, int]) -> None:
    """Write what an ensemble is: its members' trials and weights."""
    folder.mkdir()
    (folder / MEMBERS).write_text(json.dumps(dict(weights)), encoding="utf-8")


def restore(folder: Path) -> dict[str, int]:
    """What `save` wrote.

    Raises:
        StoreError: it is something else.
    """
    try:
        weights: dict[str, int] = json.loads((folder / MEMBERS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{MEMBERS} of an ensemble cannot be read: {error}") from error
    whole = isinstance(weights, dict) and all(type(weight) is int and weight > 0 for weight in weights.values())
    if not whole or not 0 < sum(weights.values()) <= ROUNDS:
        raise StoreError(f"{MEMBERS} of an ensemble does not hold trials and weights of up to {ROUNDS} in all")
    return weights
