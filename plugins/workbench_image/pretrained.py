"""A network that others have trained on a million photographs, as it is, with a classifier of ours on what it sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import Context
from workbench.blocks import training
from workbench.blocks.frozen import Frozen
from workbench_image.task import Images

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn

SMALLEST, ENLARGED = 64, 2
"""Pixels a side below which the network sees nothing, and how many times as large small images are made for it."""


class Pretrained(Frozen):
    """Logistic regression on what EfficientNet-Lite0 (Tan and Le 2019) sees, with the weights of `--pretrained`.

    What it sees of an image is found once in a run, so that every further trial costs only the regression. Another
    side would have to be found anew, which is why the search leaves it alone.
    """

    side: int = 160
    """Pixels a side of what the network sees, at most; it was trained on 224."""
    mirrored: bool = True
    """Whether an image's mirror image is looked at too, and the mean taken."""

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_image.efficientnet import Lite

        return {"efficientnet-lite0": Lite}[shape["architecture"]]()

    def fit(self, train: Images, context: Context) -> None:
        """Only the classifier is fitted."""
        from workbench_image.efficientnet import load, published

        side = seen_side(self.side, *train.pixels.shape[1:3])
        self.start({"architecture": "efficientnet-lite0", "side": side}, context)
        state, digest = published(Path(train.pretrained))
        load(self.module_, state, train.pretrained)
        key = f"{digest}, side={side}, mirrored={self.mirrored}"
        self.learn(train, context, key)

    def contents(self, examples: Images) -> Iterable[bytes]:
        """Pixels."""
        return (image.tobytes() for image in examples.pixels)

    def features(self, examples: Images, rows: Sequence[int]) -> NDArray[np.float32]:
        """float32[rows, 1280], found in mixed precision: the last digits depend on the machine."""
        import torch

        from workbench_image.efficientnet import SEEN, as_trained

        if not len(rows):
            return np.empty((0, SEEN), np.float32)
        numbers = np.array(rows)

        def look(some: NDArray[np.int64]) -> torch.Tensor:
            pixels = torch.from_numpy(np.array(examples.pixels[numbers[some]])).to(self.device)
            images = as_trained(pixels, self.shape_["side"])
            with training.mixed_precision(self.device):
                found: torch.Tensor = self.module_(images)
                return (found + self.module_(images.flip(3))) / 2 if self.mirrored else found

        return training.answers(self.module_, np.array_split(np.arange(len(numbers)), -(-len(numbers) // 32)), look)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Of looking at the images of train and valid, one thread."""
        fields = cls.hyperparameters()
        points = seen_side(fields["side"], shape["height"], shape["width"]) ** 2 * (1 + fields["mirrored"])
        each = 2e-7 if training.cpu_has_bfloat16() else 4e-7
        return 2.0 + 1.25 * each * points * shape["examples"], 6e8 + 1e4 * shape["examples"]


def seen_side(most: int, height: int, width: int) -> int:
    """Pixels a side at which the network is shown images of this size."""
    return min(most, max(SMALLEST, ENLARGED * max(height, width)))
