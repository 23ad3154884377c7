"""Metrics and what an evaluation gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Metric:
    """A named figure with a direction.

    Args:
        name: as on leaderboards, such as `"ndcg@10"`.
        summary: one line that says how it is computed.
        larger_is_better: False for errors and losses.
    """

    name: str
    summary: str
    larger_is_better: bool = True

    @property
    def direction(self) -> str:
        """`"maximize"` or `"minimize"`."""
        return "maximize" if self.larger_is_better else "minimize"

    def objective(self, value: float) -> float:
        """`value` on a scale where larger is better; its own inverse."""
        return value if self.larger_is_better else -value


@dataclass(frozen=True)
class Evaluation:
    """How a fitted model did on one part of a split.

    Args:
        metrics: name -> value over the part, one for every metric of the task.
        per_example: name -> values, float32[n_examples]; those metrics are the means of these.
        example_ids: int64[n_examples], which example each value belongs to, so that draws of the same
            examples can be joined; None when every example is its own.
    """

    metrics: dict[str, float]
    per_example: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    example_ids: NDArray[np.int64] | None = None

    def interval(self, name: str, z: float = 1.96) -> tuple[float, float] | None:
        """The normal-approximation interval of a mean over examples, or None where it is no such mean."""
        values: Any = self.per_example.get(name)
        if values is None or len(values) < 2:
            return None
        half = z * float(values.std(ddof=1, dtype="float64")) / len(values) ** 0.5
        return self.metrics[name] - half, self.metrics[name] + half
