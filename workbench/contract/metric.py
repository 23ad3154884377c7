"""Metrics and what an evaluation gives back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SHARE = (0.0, 1.0)
"""Bounds of a share, such as accuracy."""

NOT_NEGATIVE = (0.0, math.inf)
"""Bounds of an error or a loss."""


@dataclass(frozen=True)
class Metric:
    """A named figure with a direction.

    Args:
        name: as on leaderboards, such as `"ndcg@10"`.
        summary: one line that says how it is computed.
        larger_is_better: False for errors and losses.
        bounds: the smallest and the largest value that it can have; intervals end there.
    """

    name: str
    summary: str
    larger_is_better: bool = True
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @property
    def direction(self) -> str:
        """`"maximize"` or `"minimize"`."""
        return "maximize" if self.larger_is_better else "minimize"

    def objective(self, value: float) -> float:
        """`value` on a scale where larger is better; its own inverse."""
        return value if self.larger_is_better else -value

    def interval(self, value: float, half_width: float) -> tuple[float, float]:
        """(low, high) around a value, cut off at `bounds`."""
        low, high = self.bounds
        return max(low, value - half_width), min(high, value + half_width)


@dataclass(frozen=True)
class Group:
    """A metric over some of the examples, such as the users of whom little is known.

    Args:
        by: what the examples are grouped by, such as `"users' activity"`.
        name: of this group, such as `"16 to 48 known"`.
        metric: whose value it is.
        value: the metric over this group.
        count: how many examples it is a mean over.
    """

    by: str
    name: str
    metric: str
    value: float
    count: int


@dataclass(frozen=True)
class Mistake:
    """An example that a model got wrong.

    Args:
        example: what it is in a user's eyes, such as its text, its path or `"row 17"`.
        right_class: what it is.
        predicted_class: what the model says it is.
        probability: of that class, as the model has it.
    """

    example: str
    right_class: str
    predicted_class: str
    probability: float


@dataclass(frozen=True)
class Evaluation:
    """How a fitted model did on one part of a split.

    Args:
        metrics: name -> value over the part, one for every metric that was asked for and that the task knows.
        per_example: name -> values, float32[n_examples]; those metrics are the means of these.
        example_ids: int64[n_examples], which example each value belongs to, so that draws of the same
            examples can be joined; None when every example is its own.
        answers: name -> array, a row for each example: what the model answered, for the metrics of plugins
            (see `Scored`). Held in memory only; may be empty.
        truth: what the answers are held against; of the task's own kind.
        groups: the result broken down, where that was asked for.
        mistakes: the worst ones, where the result was broken down.
    """

    metrics: dict[str, float]
    per_example: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    example_ids: NDArray[np.int64] | None = None
    answers: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    truth: Any = None
    groups: tuple[Group, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Scored:
    """What a plugin's metric is computed from: a model's answers on the part that is being scored.

    For `recommend`: `answers["items"]` int32[n, k], item numbers from the best, -1 where a list ends, and
    `answers["scores"]` float32[n, k], each for a user with held-out items; `truth` a CSR of n × n_items, an
    entry where held out; `rows` the users' numbers; `part` a `workbench.data.interactions.Interactions`, whose
    `known` holds the interactions by which the users are known. The lists reach to the longest `@k` among the
    metrics of the run: a metric called `name@k` looks at the first k columns.

    For tasks that predict a class or a number (`workbench.blocks.supervised`): `answers["probabilities"]`
    float32[n, n_classes], or `answers["numbers"]` float64[n]; `truth` int32[n], the right classes, or float64[n];
    `part` the `workbench.data.examples.Examples`.

    Args:
        answers: name -> array, a row for each example. Read-only.
        truth: what the answers are held against.
        rows: int64[n], which example each row is.
        part: the scored part of the data.
    """

    answers: Mapping[str, NDArray[Any]]
    truth: Any
    rows: NDArray[np.int64]
    part: Any
