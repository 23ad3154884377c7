"""What a model is given while it is fitted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench.contract import devices, epochs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]
    Compute = Callable[[Sequence[int]], NDArray[Any]]


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
        model: that is being fitted.
        larger_is_better: the direction of the searched metric.
        fixed_epochs: how many epochs there are, where the search has found that already; else None.

    What a run reads back: `reported`, the last value that was reported; `best_epochs`, after how many `epochs` the
    model was best, None if they were not used.
    """

    seed: int = 0
    device_setting: str = "auto"
    threads: int = 1
    deadline: float | None = None
    valid: Any = None
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("workbench.model"))
    model: Any = field(default=None, repr=False)
    larger_is_better: bool = True
    fixed_epochs: int | None = None
    on_report: Callable[[int, float | None], float | None] = field(default=lambda step, value: value, repr=False)
    on_device: Callable[[str], str] = field(default=devices.pick, repr=False)
    on_shared: Callable[[str, Callable[[], Mapping[str, Any]]], Arrays] = field(
        default=lambda key, compute: dict(compute()), repr=False
    )
    on_shared_rows: Callable[[str, NDArray[np.uint64], Compute], NDArray[Any]] = field(
        default=lambda key, names, compute: compute(range(len(names))), repr=False
    )
    reported: float | None = field(default=None, init=False, repr=False)
    best_epochs: int | None = field(default=None, init=False, repr=False)

    @cached_property
    def rng(self) -> np.random.Generator:
        """A generator seeded by `seed`."""
        import numpy as np

        return np.random.default_rng(self.seed)

    @cached_property
    def device(self) -> str:
        """`"cpu"` or `"cuda:n"`: the one that this worker is bound to; `auto` takes a GPU where torch sees one."""
        return self.on_device(self.device_setting)

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
            ModelError: the step or the value cannot be used, or this is the 100,001st report.
        """
        if self.valid is not None:
            self.reported = self.on_report(step, value)

    def epochs(self, n: int) -> Iterator[int]:
        """Iterate over epochs, from 0: at most `n` of them, and the model is left in its best state.

        After each epoch the model is scored on `valid` and that is reported, as step 1 after the first, unless the
        epoch reported a value itself. The best state is a copy of the attributes that end in `_`, so the loop must
        set or change those. It is put back when the loop ends: by itself, at the deadline (with time left for the
        scoring), by a `break` (whose epoch does not count) or when the search prunes the trial. Further draws and
        the refit, which have no part to choose by, get exactly as many epochs as were best in the search.

            for epoch in context.epochs(self.max_epochs):
                self.factors_ = self._improved(train)

        Raises:
            Pruned: the search asked this trial to stop; let it pass.
            ModelError: after an epoch no attribute ends in `_`.
        """
        return epochs.epochs(self, n)

    def shared(self, key: str, compute: Callable[[], Mapping[str, Any]]) -> Arrays:
        """Arrays that every trial of this run on the same part needs: computed once, then mapped read-only.

        Args:
            key: names the computation; it must name all that the result depends on besides the part.
            compute: returns name -> array.
        """
        return self.on_shared(key, compute)

    def shared_rows(self, key: str, names: NDArray[np.uint64], compute: Compute) -> NDArray[Any]:
        """An array with a row for each example, such as its features, whatever part the example is in.

        Each distinct example is computed once in a run: the parts of a refit, of further draws and of folds hold the
        same ones.

        Args:
            key: names the computation; it must name all that a row depends on besides its example.
            names: uint64[n], equal for examples of equal rows alone, such as `workbench.data.examples.digests`.
            compute: positions in `names` -> an array with a row for each of them, in that order.
        """
        return self.on_shared_rows(key, names, compute)
