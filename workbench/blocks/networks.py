"""Models that are torch networks, on the training loop of `workbench.blocks.training`.

`Network` keeps one network: `module(shape)` makes it from plain values, so that it can be made again when it is
restored, and only its numbers are stored. `NetworkClassifier` is the base of those that predict a class. This module
imports torch only where it is called; the modules of models that derive from it may import it at their top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.blocks import training
from workbench.blocks.training import Rows
from workbench.contract.context import Context
from workbench.contract.model import Model
from workbench.contract.saving import restore_attributes, save_attributes
from workbench.data.examples import Examples
from workbench.errors import ModelError
from workbench.space import Choice, Float, Int, Space

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

STATE = "module.safetensors"


class Network(Model):
    """A model that keeps one torch network.

    What it learned besides stands in other attributes that end in `_`, as in any model.
    """

    module_: torch.nn.Module
    shape_: dict[str, Any]

    @classmethod
    def warm_up(cls) -> None:
        """Import torch, and what its optimisers import."""
        training.warm_up()

    def module(self, shape: Mapping[str, Any]) -> torch.nn.Module:
        """The network, not yet trained, from plain values that are stored with it, and from the hyperparameters."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its network is made")

    def start(self, shape: dict[str, Any], context: Context) -> None:
        """Set `shape_` and `module_`, seeded, on the device and with the threads that the fit may use."""
        import torch

        torch.set_num_threads(context.threads)
        torch.manual_seed(context.seed)
        self.shape_ = shape
        self.module_ = self.module(shape).to(context.device)

    @property
    def device(self) -> torch.device:
        """Where the network is: that of the fit, or the CPU once it is restored."""
        return next(self.module_.parameters()).device

    def save(self, folder: Path) -> None:
        """Write the numbers of the network, tied weights once, and every other attribute that ends in `_`."""
        save_attributes(self, folder, without=("module_",))
        save_state(self.module_, folder / STATE)

    def restore(self, folder: Path) -> None:
        """Make the network again and read its numbers, which must be exactly those that it has.

        Raises:
            ModelError: they are not, or there is no such network.
        """
        restore_attributes(self, folder)
        shape = vars(self).get("shape_")
        if not isinstance(shape, dict):
            raise ModelError(f"no shape is stored, so this is no {type(self).__name__}")
        self.module_ = restored_state(lambda: self.module(shape), folder / STATE, type(self).__name__)


def save_state(module: torch.nn.Module, path: Path) -> None:
    """Write the numbers of a network, tied weights once."""
    from safetensors.torch import save_file

    # A copy of each, since weights may be views of one block, which safetensors refuses.
    save_file({name: value.detach().cpu().contiguous().clone() for name, value in _once(module).items()}, path)


def restored_state(make: Callable[[], torch.nn.Module], path: Path, name: str) -> torch.nn.Module:
    """The network that `make` makes, on the CPU and with the numbers that `save_state` wrote.

    Args:
        make: called twice.
        path: of the file.
        name: of the model, for messages.

    Raises:
        ModelError: the file is not there, holds other numbers than the network has, or there is no such network.
    """
    import torch
    from safetensors.torch import load_file

    if not path.exists():
        raise ModelError(f"{path.name} is not there, so this is no {name}")
    found = load_file(path)
    try:
        with torch.device("meta"):  # takes no memory, however large what is stored claims to be
            expected = _once(make())
    except Exception as error:  # whatever a network makes of a shape that is not of its own
        raise ModelError(f"{name} has no network for what is stored: {type(error).__name__}: {error}") from error
    for key in sorted({*expected, *found}):
        wanted, given = (None if key not in each else tuple(each[key].shape) for each in (expected, found))
        if wanted != given:
            there = "is not stored" if given is None else f"is stored with the shape {given}"
            needed = "has none" if wanted is None else f"needs {wanted}"
            raise ModelError(f"{key} {there}, and this {name} {needed}: it is of another version")
    module = make()
    with torch.no_grad():
        for key, value in _once(module).items():
            value.copy_(found[key])
    return module


def _once(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state of a network by name; what has several names, as tied weights have, under the first alone."""
    named: dict[int, tuple[str, torch.Tensor]] = {}
    for name, value in module.state_dict(keep_vars=True).items():
        named.setdefault(id(value), (name, value))
    return dict(named.values())


class NetworkClassifier(Network):
    """A network that predicts a class: a subclass defines `module`, `prepare`, `inputs` and `tensors`.

    class Line(NetworkClassifier):
        space = NetworkClassifier.space

        def prepare(self, train, context):
            return {"columns": train.numbers.shape[1]}

        def module(self, shape):
            return torch.nn.Linear(shape["columns"], shape["classes"])

        def inputs(self, examples):
            return examples.numbers

        def tensors(self, inputs, rows):
            return (torch.as_tensor(inputs[rows], dtype=torch.float32, device=self.device),)
    """

    epochs: int = 20
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "cosine"
    label_smoothing: float = 0.0
    class_balance: float = 0.0
    """From 0, where every example counts alike, to 1, where every class does."""

    space: ClassVar[Space] = {
        "epochs": Int(3, 40, log=True),
        "batch_size": Choice(16, 32, 64, 128, 256),
        "optimizer": Choice(*training.OPTIMIZERS),
        "learning_rate": Float(1e-4, 3e-2, log=True),
        "weight_decay": Float(1e-5, 0.3, log=True),
        "schedule": Choice(*training.SCHEDULES),
        "label_smoothing": Float(0, 0.2),
        "class_balance": Float(0, 1),
    }
    needs = {"classes"}
    patience: ClassVar[int] = 3

    def prepare(self, train: Any, context: Context) -> dict[str, Any]:
        """Learn what comes before the network, such as a vocabulary; returns the plain values that `module` needs.

        `classes`, how many there are, is added to them.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what its network depends on")

    def inputs(self, examples: Any) -> Any:
        """What batches are made from; done once for a part."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its network is given")

    def tensors(self, inputs: Any, rows: Rows) -> tuple[torch.Tensor, ...]:
        """What `module_` is called with for these rows, on `device`; it answers float[rows, classes].

        `self.module_.training` tells whether to augment.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what its network is given")

    def batches(self, inputs: Any, n: int, size: int, seed: Sequence[int]) -> list[Rows]:
        """`n` rows, of what `inputs` gave, in batches of at most `size`."""
        return training.shuffled(n, size, seed)

    def loss(self, inputs: Any, rows: Rows, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The mean loss of rows.

        Args:
            inputs: as `inputs` gave them.
            rows: int64[m].
            target: int64[m], their classes.
            weight: float32[classes].
        """
        from torch.nn.functional import cross_entropy

        logits = self.module_(*self.tensors(inputs, rows))
        each = cross_entropy(logits, target, weight, reduction="none", label_smoothing=self.label_smoothing)
        return each.mean()

    def fit(self, train: Any, context: Context) -> None:
        """Train; see `workbench.blocks.training.train`."""
        import torch

        self.start({**self.prepare(train, context), "classes": train.n_classes}, context)
        inputs = self.inputs(train)
        target = torch.as_tensor(np.array(train.target, np.int64), device=self.device)
        weight = torch.as_tensor(self._weights(train.target, train.n_classes), device=self.device)
        training.train(
            self.module_,
            self.recipe(),
            lambda epoch: self.batches(inputs, len(train), self.batch_size, [context.seed, epoch]),
            lambda rows: self.loss(inputs, rows, target[torch.as_tensor(rows, device=target.device)], weight),
            context,
        )

    def recipe(self) -> training.Recipe:
        """How the network is trained."""
        return training.Recipe(
            epochs=self.epochs,
            patience=self.patience,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
        )

    def predict_proba(self, examples: Examples) -> NDArray[np.float32]:
        """float32[n, n_classes]."""
        import torch

        inputs = self.inputs(examples)
        batches = self.batches(inputs, len(examples), ANSWERED, [0])
        logits = training.answers(self.module_, batches, lambda rows: self.module_(*self.tensors(inputs, rows)))
        found: NDArray[np.float32] = torch.softmax(torch.from_numpy(logits), dim=1).numpy()
        return found

    def _weights(self, target: NDArray[Any], n_classes: int) -> NDArray[np.float32]:
        """float32[classes]: of mean 1 over the examples."""
        counts = np.bincount(target, minlength=n_classes)
        weights = np.maximum(counts, 1) ** -float(self.class_balance)
        return np.asarray(weights * counts.sum() / (weights * counts).sum(), dtype=np.float32)


ANSWERED = 256
"""Rows that are answered at once."""
