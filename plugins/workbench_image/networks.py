"""The networks themselves. Only what fits or answers imports this module, and torch with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def convolutional(shape: Mapping[str, Any], width: int, stages: int, depth: int, dropout: float) -> nn.Module:
    """float[n, channels, height, width] -> float[n, classes]; see `workbench_image.neural.Convolutional`."""
    layers: list[nn.Module] = [*_convolution(shape["channels"], width), nn.MaxPool2d(2, ceil_mode=True)]
    given = width
    for stage in range(1, stages):
        for _ in range(depth):
            layers += _convolution(given, width << stage)
            given = width << stage
        if stage < stages - 1:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return nn.Sequential(*layers, *_head(given, dropout, shape["classes"]))


def residual(shape: Mapping[str, Any], width: int, stages: int, depth: int, dropout: float) -> nn.Module:
    """float[n, channels, height, width] -> float[n, classes]; see `workbench_image.neural.Residual`."""
    layers: list[nn.Module] = [*_convolution(shape["channels"], width)]
    given = width
    for stage in range(stages):
        for number in range(depth):
            layers.append(_Block(given, width << stage, 2 if stage and not number else 1))
            given = width << stage
    return nn.Sequential(*layers, *_head(given, dropout, shape["classes"]))


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


class Transformer(nn.Module):
    """float[n, channels, height, width] -> float[n, classes]; see `workbench_image.neural.VisionTransformer`."""

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
