"""What a model is given while it is fitted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]


@dataclass
class Context:
    """What a model is given while it is fitted. `Context()` serves outside a run.

    Args:
        seed: for everything random in the fit.
        device_setting: `"auto"`, `"cpu"` or `"cuda[:n]"`, as the user said.
        threads: how many threads the fit may use.
        deadline: the `time.monotonic()` by which the fit must end, or None.
        valid: the part that will be scored, or None in a refit.
        log: for what the author wants to keep; shown with `--debug`.
    """

    seed: int = 0
    device_setting: str = "auto"
    threads: int = 1
    deadline: float | None = None
    valid: Any = None
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("workbench.model"))
    on_report: Callable[[int, float | None], None] = field(default=lambda step, value: None, repr=False)
    on_shared: Callable[[str, Callable[[], Mapping[str, Any]]], Arrays] = field(
        default=lambda key, compute: dict(compute()), repr=False
    )

    @cached_property
    def rng(self) -> np.random.Generator:
        """A generator seeded by `seed`."""
        import numpy as np

        return np.random.default_rng(self.seed)

    @cached_property
    def device(self) -> str:
        """`"cpu"` or `"cuda[:n]"`; `auto` takes a GPU where torch sees one."""
        if self.device_setting != "auto":
            return self.device_setting
        from importlib.util import find_spec

        if find_spec("torch") is None:
            return "cpu"
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    @property
    def seconds_left(self) -> float:
        """Until the deadline; infinite without one, never negative."""
        return float("inf") if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def report(self, step: int, value: float | None = None) -> None:
        """Tell the search how far the fit is; does nothing in a refit.

        Args:
            step: a count that grows, such as the epoch.
            value: the searched metric on `valid`; when None, the model as it stands is scored now.

        Raises:
            Pruned: the search asked this trial to stop; let it pass.
        """
        if self.valid is not None:
            self.on_report(step, value)

    def shared(self, key: str, compute: Callable[[], Mapping[str, Any]]) -> Arrays:
        """Arrays that every trial of this run on the same part needs: computed once, then mapped read-only.

        Args:
            key: names the computation; it must name all that the result depends on besides the part.
            compute: returns name -> array.
        """
        return self.on_shared(key, compute)
