"""EfficientNet-Lite0 and its published weights. Only what fits or answers imports this module, and torch with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import interpolate, pad

from workbench import ModelError

LITE0 = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192))
"""Its blocks but for the last: repeats, side of kernel, stride, factor of expansion, channels."""

MEAN, SPREAD = 127 / 255, 128 / 255
"""By which pixels from 0 to 1 were normalised where it was trained."""

SEEN = 1280
"""Numbers that it gives for an image."""


def published(path: Path) -> tuple[dict[str, torch.Tensor], str]:
    """(the numbers of a published network by our names, the hash of the file); its own classifier is left out.

    Raises:
        ModelError: it is no safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as parse

    try:
        content = path.read_bytes()
        found = parse(content)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"--pretrained {path} cannot be read as safetensors: {error}") from error
    ours = {name.replace("._", ".").removeprefix("_"): value for name, value in found.items()}
    kept = {name: value for name, value in ours.items() if not name.startswith("fc.")}
    return kept, hashlib.sha256(content).hexdigest()


def load(module: nn.Module, state: Mapping[str, torch.Tensor], path: str) -> None:
    """Put numbers into a network that has exactly those.

    Raises:
        ModelError: it has others.
    """
    expected = module.state_dict()
    for name in sorted({*expected, *state}):
        if name.endswith("num_batches_tracked"):  # counts batches of a training that is over
            continue
        if name not in expected or name not in state or expected[name].shape != state[name].shape:
            raise ModelError(f"--pretrained {path} holds no EfficientNet-Lite0: {name} is missing or of another shape")
    module.load_state_dict({**expected, **state})


def as_trained(pixels: torch.Tensor, side: int) -> torch.Tensor:
    """uint8[n, height, width, channels] -> float[n, 3, side, side], as the network was given images in its training."""
    return sized((pixels.permute(0, 3, 1, 2).float() / 255 - MEAN) / SPREAD, side)


def sized(images: torch.Tensor, side: int) -> torch.Tensor:
    """float[n, 1 or 3, height, width] -> float[n, 3, side, side]."""
    images = interpolate(images.expand(-1, 3, -1, -1), (side, side), mode="bilinear", antialias=True)
    return images.contiguous(memory_format=torch.channels_last)  # in which a CPU is more than twice as fast


class Lite(nn.Module):
    """EfficientNet-Lite0 without its classifier: float[n, 3, height, width] -> float[n, SEEN]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn0 = _Same(3, 32, 3, 2), _norm(32)
        blocks, given = [], 32
        for repeats, kernel, stride, factor, channels in (*LITE0, (1, 3, 1, 6, 320)):
            for number in range(repeats):
                blocks.append(_Inverted(given, channels, kernel, 1 if number else stride, factor))
                given = channels
        self.blocks = nn.ModuleList(blocks)
        self.conv_head, self.bn1 = _Same(given, SEEN, 1, 1), _norm(SEEN)
        for weight in self.parameters():
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found = nn.functional.relu6(self.bn0(self.conv_stem(images)))
        for block in self.blocks:
            found = block(found)
        seen: torch.Tensor = nn.functional.relu6(self.bn1(self.conv_head(found))).mean(dim=(2, 3))
        return seen


class Classifier(nn.Module):
    """EfficientNet-Lite0 with a classifier: float[n, 1 or 3, height, width] -> float[n, classes].

    Args:
        side: pixels a side at which it sees images.
        classes: how many.
        dropout: share of what it sees that is left out in training.
    """

    def __init__(self, side: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.side = side
        self.seen = Lite()
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(SEEN, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.seen(sized(images, self.side)))
        return found

    def freeze(self, blocks: int) -> None:
        """Leave the first convolution and so many blocks as they are."""
        for part in (self.seen.conv_stem, self.seen.bn0, *self.seen.blocks[:blocks]):
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> Classifier:
        """Batch normalisation goes on with the means and variances that it has."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        return self


class _Inverted(nn.Module):
    """An inverted residual block (Sandler and others 2018)."""

    def __init__(self, given: int, channels: int, kernel: int, stride: int, factor: int) -> None:
        super().__init__()
        wide = given * factor
        self.expands, self.skips = factor > 1, stride == 1 and given == channels
        if self.expands:
            self.expand_conv, self.bn0 = _Same(given, wide, 1, 1), _norm(wide)
        self.depthwise_conv, self.bn1 = _Same(wide, wide, kernel, stride, wide), _norm(wide)
        self.project_conv, self.bn2 = _Same(wide, channels, 1, 1), _norm(channels)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found = nn.functional.relu6(self.bn0(self.expand_conv(images))) if self.expands else images
        found = nn.functional.relu6(self.bn1(self.depthwise_conv(found)))
        found = self.bn2(self.project_conv(found))
        whole: torch.Tensor = found + images if self.skips else found
        return whole


class _Same(nn.Conv2d):
    """A convolution that pads as TensorFlow does, where the network was trained: more at the end than at the start."""

    def __init__(self, given: int, channels: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(given, channels, kernel, stride, groups=groups, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        missing = [
            max(0, (-(-side // stride) - 1) * stride + kernel - side) for side in (images.shape[3], images.shape[2])
        ]
        sides = [part for total in missing for part in (total // 2, total - total // 2)]
        return super().forward(pad(images, sides))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)
