"""A network that others have trained on a million photographs, as it is, with a classifier of ours on what it sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import Context
from workbench.blocks import training
from workbench.blocks.networks import Network
from workbench.data.examples import digests
from workbench.space import Float
from workbench_image.task import Images

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn

SMALLEST, ENLARGED = 64, 2
"""Pixels a side below which the network sees nothing, and how many times as large small images are made for it."""


class Pretrained(Network):
    """Logistic regression on what EfficientNet-Lite0 (Tan and Le 2019) sees, with the weights of `--pretrained`.

    What it sees of an image is found once in a run, so that every further trial costs only the regression. Another
    side would have to be found anew, which is why the search leaves it alone.
    """

    side: int = 160
    """Pixels a side of what the network sees, at most; it was trained on 224."""
    mirrored: bool = True
    """Whether an image's mirror image is looked at too, and the mean taken."""
    l2: float = 0.1

    space = {"l2": Float(1e-3, 100, log=True)}
    needs = {"classes", "pretrained"}

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_image.efficientnet import Lite

        return {"efficientnet-lite0": Lite}[shape["architecture"]]()

    def fit(self, train: Images, context: Context) -> None:
        """Only the classifier is fitted."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from workbench_image.efficientnet import load, published

        side = seen_side(self.side, *train.pixels.shape[1:3])
        self.start({"architecture": "efficientnet-lite0", "side": side}, context)
        state, digest = published(Path(train.pretrained))
        load(self.module_, state, train.pretrained)
        key = f"{digest}, side={side}, mirrored={self.mirrored}"
        self._found_ = []
        for part in [train] if context.valid is None else [context.valid, train]:
            names = digests(image.tobytes() for image in part.pixels)
            seen = context.shared_rows(key, names, partial(self.seen, part))
            self._found_.append((part, seen))
        head = LogisticRegression(C=1 / (self.l2 * seen.shape[1]), max_iter=500)
        self.estimator_ = make_pipeline(StandardScaler(), head).fit(seen, train.target)
        self.n_classes_, self.classes_ = train.n_classes, np.unique(train.target)

    def predict_proba(self, examples: Images) -> NDArray[np.float64]:
        """float64[n, n_classes]."""
        known = [seen for part, seen in vars(self).get("_found_", ()) if part is examples]
        seen = known[0] if known else self.seen(examples, range(len(examples)))
        found = np.zeros((len(examples), self.n_classes_))
        found[:, self.classes_] = self.estimator_.predict_proba(seen)
        return found

    def seen(self, examples: Images, chosen: Sequence[int]) -> NDArray[np.float32]:
        """float32[chosen, 1280], found in mixed precision: the last digits depend on the machine."""
        import torch

        from workbench_image.efficientnet import SEEN, as_trained

        if not len(chosen):
            return np.empty((0, SEEN), np.float32)
        numbers = np.array(chosen)

        def look(rows: NDArray[np.int64]) -> torch.Tensor:
            pixels = torch.from_numpy(np.array(examples.pixels[numbers[rows]])).to(self.device)
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
