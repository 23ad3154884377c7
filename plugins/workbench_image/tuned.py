"""A network that others have trained on a million photographs, trained on with a classifier of ours on top."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workbench import Context
from workbench.space import Choice, Float, Int, Space
from workbench_image.neural import ImageNetwork
from workbench_image.pretrained import seen_side
from workbench_image.task import Images

if TYPE_CHECKING:
    from torch import nn


class Tuned(ImageNetwork):
    """EfficientNet-Lite0 (Tan and Le 2019) from `--pretrained`, trained on: all but its lowest blocks.

    Its batch normalisation keeps the means and variances of the photographs it was trained on, since those of a few
    images say little.
    """

    epochs: int = 6
    batch_size: int = 16
    learning_rate: float = 2e-4
    side: int = 160
    """Pixels a side of what the network sees, at most; it was trained on 224."""
    frozen: int = 5
    """Blocks, of 16, that stay as they are, counted from the pixels: edges and colours are the same everywhere."""
    flip: bool = True
    zoom: float = 0.2
    colour: float = 0.2
    dropout: float = 0.2

    starts = ({"flip": False},)
    needs = {"classes", "pretrained"}
    space: ClassVar[Space] = {
        **{name: known for name, known in ImageNetwork.space.items() if name not in ("side", "optimizer", "schedule")},
        "epochs": Int(2, 15, log=True),
        "batch_size": Choice(8, 16, 32, 64),
        "learning_rate": Float(5e-5, 1e-3, log=True),
        "frozen": Int(0, 16),
    }

    def prepare(self, train: Images, context: Context) -> dict[str, Any]:
        """The shape of an image, and how images were given to the network where it was trained."""
        from workbench_image.augment import shrunk, tensor
        from workbench_image.efficientnet import MEAN, SPREAD, published

        self._published = published(Path(train.pretrained))[0]
        self._path = train.pretrained
        height, width, channels = shrunk(tensor(train.pixels[:1]), self.side).shape[1:]
        side = seen_side(self.side, int(height), int(width))
        return {"side": side, "mean": [MEAN] * int(channels), "spread": [SPREAD] * int(channels)}

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_image.efficientnet import Classifier

        return Classifier(shape["side"], shape["classes"], self.dropout)

    def start(self, shape: dict[str, Any], context: Context) -> None:
        """Begin with what the network has learned."""
        from workbench_image.efficientnet import Classifier, load

        super().start(shape, context)
        assert isinstance(self.module_, Classifier)
        load(self.module_.seen, self._published, self._path)
        self.module_.freeze(self.frozen)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """Of a fit with the defaults, one thread."""
        fields = cls.hyperparameters()
        points = seen_side(fields["side"], shape["height"], shape["width"]) ** 2
        return 2.0 + fields["epochs"] * 9e-7 * points * shape["examples"], 8e8 + 1.2e4 * fields["batch_size"] * points
