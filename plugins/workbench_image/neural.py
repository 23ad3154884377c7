"""Neural networks from scratch: a small convolutional network, a residual one, a small vision transformer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from workbench import Context
from workbench.blocks.networks import NetworkClassifier
from workbench.space import Choice, Float, Int, Space
from workbench_image.augment import Changes, as_floats, shrunk
from workbench_image.reading import blocks
from workbench_image.task import Images

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

    starts = ({"flip": True, "colour": 0.2},)
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
        height, width, channels = shrunk(_tensor(train.pixels[:1]), self.side).shape[1:]
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
        return shrunk(_tensor(examples.pixels), self.side).to(self.device)

    def tensors(self, inputs: torch.Tensor, rows: NDArray[np.int64]) -> tuple[torch.Tensor, ...]:
        """float32[m, channels, height, width], changed at random in training."""
        chosen = inputs[torch.as_tensor(rows, device=inputs.device)]
        images = as_floats(chosen, self.shape_["mean"], self.shape_["spread"])
        if not self.module_.training:
            return (images,)
        return (Changes(self.flip, self.shift, self.zoom, self.turn, self.colour).of(images),)

    def loss(
        self, inputs: torch.Tensor, rows: NDArray[np.int64], target: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """As the base has it, but on mixed images where `mixup` says so (Zhang and others 2018)."""
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
        layers: list[nn.Module] = [*_convolution(shape["channels"], self.width), nn.MaxPool2d(2, ceil_mode=True)]
        width = self.width
        for stage in range(1, self.stages):
            for _ in range(self.depth):
                layers += _convolution(width, self.width << stage)
                width = self.width << stage
            if stage < self.stages - 1:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))
        return nn.Sequential(*layers, *_head(width, self.dropout, shape["classes"]))

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
        layers: list[nn.Module] = [*_convolution(shape["channels"], self.width)]
        width = self.width
        for stage in range(self.stages):
            for number in range(self.depth):
                layers.append(_Block(width, self.width << stage, 2 if stage and not number else 1))
                width = self.width << stage
        return nn.Sequential(*layers, *_head(width, self.dropout, shape["classes"]))

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
        return _Transformer(shape, self.patches, self.width, self.depth, self.dropout)

    @classmethod
    def products(cls, side: int) -> float:
        return 12.0 * cls.width**2 * cls.depth * cls.patches**2 + 2_500 * side**2


class _Block(nn.Module):
    """Two convolutions, to whose result what went in is added."""

    def __init__(self, given: int, width: int, stride: int) -> None:
        super().__init__()
        last = nn.BatchNorm2d(width)
        nn.init.zeros_(last.weight)  # so that each block starts as what it is given
        again = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.inner = nn.Sequential(*_convolution(given, width, stride), again, last)
        fits = given == width and stride == 1
        self.around = nn.Identity() if fits else nn.Conv2d(given, width, 1, stride, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.inner(images) + self.around(images))


class _Transformer(nn.Module):
    def __init__(self, shape: Mapping[str, Any], patches: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        size = -(-max(shape["height"], shape["width"]) // patches)
        rows, columns = -(-shape["height"] // size), -(-shape["width"] // size)
        self.missing = 0, columns * size - shape["width"], 0, rows * size - shape["height"]
        self.before = nn.Sequential(*_convolution(shape["channels"], 16), *_convolution(16, 16))
        self.cut = nn.Conv2d(16, width, size, size)
        self.places = nn.Parameter(0.02 * torch.randn(1, rows * columns, width))
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, shape["classes"])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens = self.cut(self.before(nn.functional.pad(images, self.missing))).flatten(2).transpose(1, 2)
        found: torch.Tensor = self.head(self.layers(tokens + self.places).mean(dim=1))
        return found


def _convolution(given: int, width: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(given, width, 3, stride, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]


def _head(width: int, dropout: float, classes: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(width, classes)]


def _tensor(pixels: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.array(pixels))  # a copy, since maps are read-only
