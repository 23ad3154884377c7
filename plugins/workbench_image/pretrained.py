"""A network that others have trained on a million photographs, as it is, with a classifier of ours on what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import Context
from workbench.blocks import training
from workbench.blocks.networks import Network
from workbench.space import Choice, Float
from workbench_image.task import Images

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import nn


class Pretrained(Network):
    """Logistic regression on what EfficientNet-Lite0 (Tan and Le 2019) sees, with the weights of `--pretrained`."""

    side: int = 160
    """What images are brought to for the network; it was trained on 224."""
    mirrored: bool = True
    """Whether an image's mirror image is looked at too, and the mean taken."""
    l2: float = 0.1

    space = {"side": Choice(128, 160, 192, 224), "mirrored": Choice(False, True), "l2": Float(1e-3, 100, log=True)}
    needs = {"classes", "pretrained"}

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_image.efficientnet import Lite

        return {"efficientnet-lite0": Lite}[shape["architecture"]]()

    def fit(self, train: Images, context: Context) -> None:
        """Only the classifier is fitted; what the network sees is found once for all trials that look alike."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from workbench_image.efficientnet import load, published

        self.start({"architecture": "efficientnet-lite0"}, context)
        state, digest = published(Path(train.pretrained))
        load(self.module_, state, train.pretrained)
        key = f"{digest}, side={self.side}, mirrored={self.mirrored}"
        seen = np.array(context.shared(key, lambda: {"seen": self.seen(train)})["seen"])
        head = LogisticRegression(C=1 / (self.l2 * seen.shape[1]), max_iter=500)
        self.estimator_ = make_pipeline(StandardScaler(), head).fit(seen, train.target)
        self.n_classes_, self.classes_ = train.n_classes, np.unique(train.target)

    def predict_proba(self, examples: Images) -> NDArray[np.float64]:
        """float64[n, n_classes]."""
        found = np.zeros((len(examples), self.n_classes_))
        found[:, self.classes_] = self.estimator_.predict_proba(self.seen(examples))
        return found

    def seen(self, examples: Images) -> NDArray[np.float32]:
        """float32[n, 1280]."""
        import torch
        from torch.nn.functional import interpolate

        def look(rows: NDArray[np.int64]) -> torch.Tensor:
            pixels = torch.from_numpy(np.array(examples.pixels[rows])).to(self.device)
            images = (pixels.permute(0, 3, 1, 2).float() - 127) / 128  # as it was trained
            size = (self.side, self.side)
            images = interpolate(images.expand(-1, 3, -1, -1), size, mode="bilinear", antialias=True)
            found: torch.Tensor = self.module_(images)
            return (found + self.module_(images.flip(3))) / 2 if self.mirrored else found

        rows = np.arange(len(examples))
        return training.answers(self.module_, np.array_split(rows, -(-len(rows) // 32)), look)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        return 2.0 + 0.04 * shape["examples"], 6e8 + 1e4 * shape["examples"]
