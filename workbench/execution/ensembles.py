"""How much each of several models should count when they answer together.

Greedy selection with replacement (Caruana et al., "Ensemble Selection from Libraries of Models", ICML 2004), jointly
over all draws of the validation part.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.contract.metric import Evaluation
from workbench.contract.task import Task
from workbench.errors import StoreError
from workbench.execution import scoring, values, work

MEMBERS = "members.json"

ROUNDS = 25
PATIENCE = 8
"""Rounds without a gain after which no more are tried."""

EXAMPLES = 2_000
"""Of each draw, on which weights are compared; what they give in the end is computed on all."""

Blend = Callable[[Sequence[int]], Evaluation]


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


def weigh(
    task: Task[Any], folder: Path, question: work.Weigh, part_of: Callable[[str], Any], scorers: Mapping[str, str]
) -> work.Weighed:
    """Choose weights, and leave what they give on every draw where the parent finds it.

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
    name = question.metrics[0]

    def blend_of(draw: int, models: Sequence[int], names: Sequence[str], most: int | None = None) -> Blend:
        part = part_of(question.parts[draw])
        answers = [values.read_answers(folder, question.answers[draw][model]) for model in models]
        n = len(next(iter(answers[0].values())))
        rows = np.arange(n) if most is None or n <= most else np.linspace(0, n - 1, most).astype(np.int64)
        blend = task.blend([{key: array[rows] for key, array in own.items()} for own in answers], part, rows, names)
        return lambda weights: scoring.completed(blend(weights), part, names, scorers)[0]

    def enough() -> bool:
        return question.seconds is not None and time.monotonic() - began > question.seconds

    draws = range(len(question.parts))
    everyone = range(len(question.answers[0]))
    weights = _chosen([blend_of(draw, everyone, [name], EXAMPLES) for draw in draws], question, enough)
    members = np.flatnonzero(weights).tolist()
    found = []
    for draw in draws:
        evaluation = blend_of(draw, members, question.metrics if draw == 0 else [name])([weights[m] for m in members])
        values.keep(folder, f"{question.id}-draw{draw}" if draw else question.id, evaluation, name)
        found.append(evaluation)
    return work.Weighed(
        question.id,
        weights=weights,
        metrics=dict(found[0].metrics),
        intervals=scoring.intervals(found[0]),
        temperature=scoring.temperature(task, found),
        draws=tuple(each.metrics[name] for each in found),
        seconds=time.monotonic() - began,
    )


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


def _chosen(blends: Sequence[Blend], question: work.Weigh, enough: Callable[[], bool]) -> tuple[int, ...]:
    name = question.metrics[0]
    sign = 1 if question.larger_is_better else -1

    def value(weights: Sequence[int]) -> float:
        return sign * float(np.mean([blend(weights).metrics[name] for blend in blends]))

    return greedy(len(question.answers[0]), value, enough)
