"""The training loop of torch models.

A model says which rows make a batch and what the loss of some rows is; `train` does the rest: optimiser, schedule,
clipping, mixed precision on a GPU, batches that do not fit into memory, and through `Context.epochs` the best state,
learning curves, pruning and the deadline. This module imports torch only where it is called.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.contract.context import Context
from workbench.errors import ModelError

if TYPE_CHECKING:
    import torch

Rows = NDArray[np.int64]
"""Numbers of rows."""

T = TypeVar("T")

OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "constant")

SGD_RATE, MOMENTUM = 30.0, 0.9

LAST_SHARE = 0.15
"""Share of the time given that is left for scoring, where the deadline comes before an epoch's end."""

POOL = 50
"""Batches whose rows are sorted by length together."""

BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""What a processor may call it."""

COMPILER, CACHE = "torch._dynamo", "TORCHINDUCTOR_CACHE_DIR"

TOO_LARGE = "not even one row fits into memory"


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Args:
        epochs: at most; the schedule is drawn over so many.
        patience: epochs without a better score after which the search stops training.
        optimizer: one of `OPTIMIZERS`; `sgd` has Nesterov momentum.
        learning_rate: the highest; that of `sgd` is `SGD_RATE` times as high, so that one range serves both.
        weight_decay: as a share of the learning rate (Loshchilov and Hutter 2019), the same with either optimiser; of
            matrices alone, not of biases and norms.
        schedule: one of `SCHEDULES`: `cosine` falls to 0 over all epochs (Loshchilov and Hutter 2017).
        warm_up: share of all steps over which the rate rises from 0.
        clip: the greatest norm of a gradient.
        half_on_cpu: whether a CPU that can multiplies in bfloat16, as a GPU always does: for wide networks alone.
    """

    epochs: int = 20
    patience: int = 3
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "cosine"
    warm_up: float = 0.05
    clip: float = 1.0
    half_on_cpu: bool = False

    def rate(self, progress: float) -> float:
        """The learning rate after this share of all steps, above 0 and up to 1."""
        if progress < self.warm_up:
            return self.learning_rate * progress / self.warm_up
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (progress - self.warm_up) / (1 - self.warm_up)))


def train(
    module: torch.nn.Module,
    recipe: Recipe,
    batches: Callable[[int], Sequence[Rows]],
    loss: Callable[[Rows], torch.Tensor],
    context: Context,
) -> None:
    """Train `module`, which an attribute of the model that ends in `_` holds already; it is left in its best state.

    Seed torch (`torch.manual_seed`) before the module is made: then one seed gives one result on a CPU.

    Args:
        module: on the device where it is to be trained.
        recipe: how.
        batches: epoch -> its batches, each int64[rows]; at least one.
        loss: the mean loss of these rows, a scalar, with `module` in training mode.
        context: of the fit. In a refit there are exactly as many epochs as were best in the search, but for the
            deadline, which then cuts the last ones short.

    Raises:
        Pruned: the search asked this trial to stop.
        ModelError: the loss is no longer finite.
        MemoryError: not even one row fits into memory.
    """
    steps = _Steps(module, recipe, loss)
    given = context.seconds_left
    for epoch in context.epochs(recipe.epochs):
        if context.best_epochs is not None and epoch - context.best_epochs >= recipe.patience:
            break
        module.train()
        order = batches(epoch)
        for number, rows in enumerate(order):
            steps.take(rows, recipe.rate((epoch + (number + 1) / len(order)) / recipe.epochs))
            late = context.seconds_left < LAST_SHARE * given < math.inf
            if late:
                break
        mean = steps.mean_loss()
        context.log.debug("epoch %d: loss %.4f", epoch + 1, mean)
        if not math.isfinite(mean):
            raise ModelError(f"the loss is {mean} after epoch {epoch + 1}; a smaller learning rate may help")
        if late and context.fixed_epochs is not None:  # a model that has learned a little less than it should is one
            break


class _Steps:
    """Steps of one optimiser. A batch that does not fit into memory is taken in pieces, as are all after it."""

    def __init__(self, module: torch.nn.Module, recipe: Recipe, loss: Callable[[Rows], torch.Tensor]) -> None:
        import torch

        self.module, self.recipe, self.loss = module, recipe, loss
        self.optimizer = _optimizer(module, recipe)
        self.device = next(module.parameters()).device
        self.mixed = recipe.half_on_cpu or self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler("cuda", enabled=self.mixed and half_type(self.device) == torch.float16)
        self.pieces = 1
        self.losses: list[torch.Tensor] = []

    def take(self, rows: Rows, rate: float) -> None:
        """One step on these rows."""
        import torch

        while (loss := _if_it_fits(lambda: self._backward(rows))) is None:
            if self.pieces >= len(rows):
                raise MemoryError(TOO_LARGE)
            self.pieces *= 2
        self.losses.append(loss)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * (SGD_RATE if self.recipe.optimizer == "sgd" else 1.0)
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def mean_loss(self) -> float:
        """Of the steps since it was last asked."""
        import torch

        mean = float(torch.stack(self.losses).float().mean())
        self.losses = []
        return mean

    def _backward(self, rows: Rows) -> torch.Tensor:
        import torch

        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        for piece in np.array_split(rows, min(self.pieces, len(rows))):
            with mixed_precision(self.device) if self.mixed else contextlib.nullcontext():
                share = self.loss(piece) * (len(piece) / len(rows))
            torch.autograd.backward(self.scaler.scale(share))
            total += share.detach()
        return total


def mixed_precision(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Within it, products are computed in the device's `half_type`, if it has one, and all else in float32."""
    import torch

    dtype = half_type(device)
    return contextlib.nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)


def half_type(device: torch.device) -> torch.dtype | None:
    """The type of 16 bits in which a device multiplies several times as fast as in float32; None if it does not."""
    import torch

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if cpu_has_bfloat16() else None


@cache
def cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16, as Linux tells."""
    known = Path("/proc/cpuinfo")
    return known.exists() and not BFLOAT16.isdisjoint(known.read_text(encoding="utf-8").split())


def answers(module: torch.nn.Module, batches: Sequence[Rows], answer: Callable[[Rows], torch.Tensor]) -> NDArray[Any]:
    """What a network answers, in evaluation mode: float32, a row for each row of the batches.

    Args:
        module: a network.
        batches: that hold each row from 0 to the last once; halved as they do not fit into memory.
        answer: rows -> a tensor with a row each.

    Raises:
        MemoryError: not even one row fits into memory.
    """
    import torch

    module.eval()
    found: NDArray[Any] | None = None
    waiting = list(reversed(batches))
    with torch.inference_mode():
        while waiting:
            rows = waiting.pop()
            part = _if_it_fits(lambda rows=rows: answer(rows).float().cpu().numpy())  # type: ignore[misc]
            if part is None:
                if len(rows) < 2:
                    raise MemoryError(TOO_LARGE)
                waiting += reversed(np.array_split(rows, 2))
                continue
            if found is None:
                found = np.empty((sum(map(len, batches)), *part.shape[1:]), np.float32)
            found[rows] = part
    assert found is not None
    return found


def shuffled(n: int, size: int, seed: Sequence[int]) -> list[Rows]:
    """All rows in random order, in batches of nearly equal length that are at most `size`."""
    order = np.random.default_rng(seed).permutation(n)
    return np.array_split(order, -(-n // size))


def bucketed(lengths: NDArray[np.integer[Any]], size: int, seed: Sequence[int]) -> list[Rows]:
    """Batches as `shuffled`, each of rows of like length, so that little of what is padded is padding.

    Args:
        lengths: int[n], of every row.
        size: rows of a batch, at most.
        seed: of the order.
    """
    found = []
    for pool in shuffled(len(lengths), POOL * size, seed):
        found += np.array_split(pool[np.argsort(lengths[pool], kind="stable")], -(-len(pool) // size))
    order = np.random.default_rng([*seed, 1]).permutation(len(found))
    return [found[number] for number in order]


def _optimizer(module: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    import torch

    warm_up()
    learned = [parameter for parameter in module.parameters() if parameter.requires_grad]
    sgd = recipe.optimizer == "sgd"
    decay = recipe.weight_decay * (1 - MOMENTUM) / SGD_RATE if sgd else recipe.weight_decay  # as both would multiply it
    groups = [
        {"params": [each for each in learned if (each.ndim > 1) == matrices], "weight_decay": decay * matrices}
        for matrices in (True, False)
    ]
    groups = [group for group in groups if group["params"]]
    if sgd:
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=MOMENTUM, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def warm_up() -> None:
    """Import torch and its compiler, as `torch.optim` does, without the cache folder that it makes for nothing here."""
    if COMPILER in sys.modules or CACHE in os.environ:
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE] = folder
        try:
            import_module(COMPILER)
        finally:
            del os.environ[CACHE]


def _if_it_fits(action: Callable[[], T]) -> T | None:
    """What it returns; None where there was not enough memory, which is given back."""
    import torch

    try:
        return action()
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
    gc.collect()  # here the error no longer keeps the tensors of what it broke off
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None
