"""Images in batches on the training device: brought to floats, and changed at random in ways that leave what they show.

Each image of a batch is changed by itself, all of them by one resampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import affine_grid, grid_sample, interpolate


@dataclass(frozen=True)
class Changes:
    """How much images are changed, at most.

    Args:
        flip: whether left and right are swapped, in every second image.
        shift: share of the side by which it is moved.
        zoom: share by which it is made larger or smaller, so that a smaller or larger crop is seen.
        turn: degrees of rotation.
        colour: share by which brightness and contrast are changed.
    """

    flip: bool
    shift: float
    zoom: float
    turn: float
    colour: float

    def of(self, images: torch.Tensor) -> torch.Tensor:
        """float[n, channels, height, width] changed; what comes into view repeats the border."""
        n, device = len(images), images.device
        if self.flip or self.shift or self.zoom or self.turn:
            angle = torch.deg2rad(_within(self.turn, n, device))
            scale = torch.exp(_within(self.zoom, n, device))
            mirror = torch.where(torch.rand(n, device=device) < 0.5, -1.0, 1.0) if self.flip else 1.0
            across, down = torch.cos(angle) * scale, torch.sin(angle) * scale
            place = torch.zeros(n, 2, 3, device=device)
            place[:, 0, 0], place[:, 0, 1] = across * mirror, -down
            place[:, 1, 0], place[:, 1, 1] = down * mirror, across
            place[:, :, 2] = 2 * torch.stack([_within(self.shift, n, device) for _ in range(2)], dim=1)
            grid = affine_grid(place, list(images.shape), align_corners=False)
            images = grid_sample(images, grid, padding_mode="border", align_corners=False)
        if self.colour:
            contrast = (1 + _within(self.colour, n, device)).view(-1, 1, 1, 1)
            brightness = _within(self.colour, n, device).view(-1, 1, 1, 1)
            middle = images.mean(dim=(1, 2, 3), keepdim=True)
            images = (images - middle) * contrast + middle + brightness
        return images


def tensor(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """A copy, since maps are read-only."""
    return torch.from_numpy(np.array(pixels))


def as_floats(images: torch.Tensor, mean: Sequence[float], spread: Sequence[float]) -> torch.Tensor:
    """uint8[n, height, width, channels] -> float32[n, channels, height, width], normalised by channel."""
    values = images.permute(0, 3, 1, 2).float() / 255
    middle, scale = (torch.tensor(each, device=images.device).view(1, -1, 1, 1) for each in (mean, spread))
    return (values - middle) / scale


def shrunk(images: torch.Tensor, most: int) -> torch.Tensor:
    """uint8[n, height, width, channels] at most so many pixels a side, each the mean of those it stands for."""
    height, width = images.shape[1:3]
    least = most / max(height, width)
    if least >= 1:
        return images
    size = max(1, round(height * least)), max(1, round(width * least))
    parts = [
        interpolate(part.permute(0, 3, 1, 2).float(), size, mode="area").round().to(torch.uint8).permute(0, 2, 3, 1)
        for part in torch.split(images, 256)
    ]
    return torch.cat(parts)


def _within(most: float, n: int, device: torch.device) -> torch.Tensor:
    """float32[n], evenly from -most to most."""
    return (torch.rand(n, device=device) * 2 - 1) * most
