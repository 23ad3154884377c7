"""Neural networks from scratch: a small convolutional network, a residual one, a small vision transformer.

Their hyperparameters are told without torch, whose import takes longer than many a model: it waits for the first fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench import Context
from workbench.blocks.networks import NetworkClassifier
from workbench.space import Choice, Float, Int, Space
from workbench_image.reading import blocks
from workbench_image.task import Images

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn

FLOPS = 2.2e10
"""Floating-point operations a second of one core in such small networks, roughly."""


class ImageNetwork(NetworkClassifier):
    """A network on pixels, which it sees changed at random while it is trained."""

    epochs: int = 12
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    side: int = 64
    """Images are at most so many pixels a side."""
    flip: bool = False
    shift: float = 0.08
    zoom: float = 0.1
    turn: float = 8.0
    colour: float = 0.0
    mixup: float = 0.0
    """Both parameters of the Beta distribution from which the shares of two mixed images are drawn; 0 for none."""
    dropout: float = 0.1

    starts = ({"flip": True, "colour": 0.2, "batch_size": 16},)
    space: ClassVar[Space] = {
        **NetworkClassifier.space,
        "side": Choice(32, 48, 64, 96),
        "flip": Choice(False, True),
        "shift": Float(0, 0.2),
        "zoom": Float(0, 0.4),
        "turn": Float(0, 30),
        "colour": Float(0, 0.5),
        "mixup": Float(0, 0.5),
        "dropout": Float(0, 0.5),
    }

    def prepare(self, train: Images, context: Context) -> dict[str, Any]:
        """The shape of an image as the network sees it, and by what its channels are normalised."""
        from workbench_image.augment import shrunk, tensor

        height, width, channels = shrunk(tensor(train.pixels[:1]), self.side).shape[1:]
        total = np.zeros((2, channels))
        for rows in blocks(len(train)):
            values = train.pixels[rows].reshape(-1, channels) / 255
            total += values.sum(axis=0), (values**2).sum(axis=0)
        mean, square = total / (len(train) * train.pixels[0, ..., 0].size)
        spread = np.sqrt(np.maximum(square - mean**2, 1e-4))
        sizes = {"height": int(height), "width": int(width), "channels": int(channels)}
        return {**sizes, "mean": mean.tolist(), "spread": spread.tolist()}

    def inputs(self, examples: Images) -> torch.Tensor:
        """uint8[n, height, width, channels] on the device."""
        from workbench_image.augment import shrunk, tensor

        return shrunk(tensor(examples.pixels), self.side).to(self.device)

    def tensors(self, inputs: torch.Tensor, rows: NDArray[np.int64]) -> tuple[torch.Tensor, ...]:
        """float32[m, channels, height, width], changed at random in training."""
        import torch

        from workbench_image.augment import Changes, as_floats

        chosen = inputs[torch.as_tensor(rows, device=inputs.device)]
        images = as_floats(chosen, self.shape_["mean"], self.shape_["spread"])
        if not self.module_.training:
            return (images,)
        return (Changes(self.flip, self.shift, self.zoom, self.turn, self.colour).of(images),)

    def loss(
        self, inputs: torch.Tensor, rows: NDArray[np.int64], target: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """As the base has it, but on mixed images where `mixup` says so (Zhang and others 2018)."""
        import torch
        from torch.nn.functional import cross_entropy

        if not self.mixup:
            return super().loss(inputs, rows, target, weight)
        (images,) = self.tensors(inputs, rows)
        share = float(torch.distributions.Beta(self.mixup, self.mixup).sample())
        other = torch.randperm(len(rows), device=images.device)
        logits = self.module_(share * images + (1 - share) * images[other])
        own, others = (
            cross_entropy(logits, truth, weight, reduction="none", label_smoothing=self.label_smoothing).mean()
            for truth in (target, target[other])
        )
        return share * own + (1 - share) * others

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        fields = cls.hyperparameters()
        side = min(fields["side"], max(shape["height"], shape["width"]))
        n, products = shape["examples"], cls.products(side)
        seconds = 0.5 + fields["epochs"] * n * (6 * products + 400 * side**2) / FLOPS
        return seconds, 3e8 + 2.0 * n * side**2 * shape["channels"] + 64 * fields["batch_size"] * products**0.5 * side

    @classmethod
    def products(cls, side: int) -> float:
        """About how many products one image of so many pixels a side takes in the network of the defaults."""
        raise NotImplementedError(f"{cls.__name__} does not say what its network costs")


class Convolutional(ImageNetwork):
    """Convolutions of 3 x 3 with batch normalisation in stages of half the size, then the mean over the image."""

    width: int = 16
    stages: int = 3
    depth: int = 2

    space = {**ImageNetwork.space, "width": Int(8, 64, log=True), "stages": Int(2, 4), "depth": Int(1, 3)}

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_image import networks

        return networks.convolutional(shape, self.width, self.stages, self.depth, self.dropout)

    @classmethod
    def products(cls, side: int) -> float:
        return 9.0 * cls.width**2 * (side / 2) ** 2 * 8


class Residual(ImageNetwork):
    """A residual network (He and others 2016) with few channels and blocks."""

    width: int = 16
    stages: int = 3
    depth: int = 1

    space = {**ImageNetwork.space, "width": Int(8, 64, log=True), "stages": Int(2, 4), "depth": Int(1, 3)}

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_image import networks

        return networks.residual(shape, self.width, self.stages, self.depth, self.dropout)

    @classmethod
    def products(cls, side: int) -> float:
        return 9.0 * cls.width**2 * side**2 * 5


class VisionTransformer(ImageNetwork):
    """A small vision transformer (Dosovitskiy and others 2021) that answers from the mean over its patches.

    Two convolutions come before the patches are cut, without which it learns far more slowly (Xiao and others 2021).
    """

    epochs: int = 15
    learning_rate: float = 1.5e-3
    side: int = 48
    patches: int = 7
    """Along the longer side."""
    width: int = 64
    depth: int = 3

    space = {
        **ImageNetwork.space,
        "learning_rate": Float(1e-4, 5e-3, log=True),
        "patches": Int(4, 12),
        "width": Choice(32, 64, 96, 128),
        "depth": Int(2, 6),
    }

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_image import networks

        return networks.Transformer(shape, self.patches, self.width, self.depth, self.dropout)

    @classmethod
    def products(cls, side: int) -> float:
        patches = -(-side // -(-side // cls.patches))
        return 12.0 * cls.width**2 * cls.depth * patches**2 + 2_500 * side**2
