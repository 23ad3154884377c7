"""What a pretrained encoder makes of a text, and a linear layer on it. The encoder is read from a local folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from workbench.blocks.networks import NetworkClassifier, restored_state, save_state
from workbench.blocks.training import Rows, answers, bucketed
from workbench.contract.context import Context
from workbench.space import Float, Int
from workbench_text.neural.bert import Bert, pieces_of, read_encoder, shape_of
from workbench_text.neural.wordpiece import WordPieces

ENCODER = "encoder.safetensors"


class Pretrained(NetworkClassifier):
    """A linear layer on the features of a frozen encoder, which is stored with the model, once for all of a run.

    The part has one field more, `pretrained`, the folder of the encoder, and `provides` the word `pretrained`.
    """

    epochs: int = 40
    learning_rate: float = 3e-3
    dropout: float = 0.1

    longest: ClassVar[int] = 256
    """Pieces of a text that are looked at."""
    needs = {"classes", "pretrained"}
    space = {**NetworkClassifier.space, "epochs": Int(5, 100, log=True), "dropout": Float(0.0, 0.5)}
    patience = 10

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float] | None:
        """Of reading the texts with an encoder of 22 million weights, one thread."""
        return 5.0 + 1e-4 * shape["characters"], 1e9

    def prepare(self, train: Any, context: Context) -> dict[str, Any]:
        """Look at the encoder."""
        folder = Path(train.pretrained)
        pieces, lower = pieces_of(folder)
        self.lower_: bool = lower
        self.pieces_: str = "\n".join(pieces)
        self._encoder_: Bert = read_encoder(folder)
        self._parts_: dict[str, Any] = {"train": train}
        if context.valid is not None:
            self._parts_["valid"] = context.valid
        return {"encoder": shape_of(folder)}

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        return nn.Sequential(nn.Dropout(self.dropout), nn.Linear(shape["encoder"]["dimensions"], shape["classes"]))

    def start(self, shape: dict[str, Any], context: Context) -> None:
        """Encode the texts, once for all trials of a run."""
        super().start(shape, context)
        self._encoder_.to(self.device)
        self._read_: list[tuple[Any, Any]] = []
        for name, part in self._parts_.items():
            found = context.shared(f"features of {name}", lambda part=part: {"features": self._features(part)})  # type: ignore[misc]
            self._read_.append((part, found["features"]))

    def inputs(self, examples: Any) -> Any:
        """float32[n, dimensions]."""
        known = [features for part, features in vars(self).get("_read_", ()) if part is examples]
        return known[0] if known else self._features(examples)

    def tensors(self, inputs: Any, rows: Rows) -> tuple[torch.Tensor, ...]:
        """Features of length 1, made longer so that each is around 1."""
        return (torch.as_tensor(inputs[rows] * np.sqrt(np.float32(inputs.shape[1])), device=self.device),)

    def save(self, folder: Path) -> None:
        """As every network, and the encoder in a file of its own, which is the same for all trials."""
        super().save(folder)
        save_state(self._encoder_, folder / ENCODER)

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote; the folder of the encoder is no longer needed."""
        super().restore(folder)
        encoder = restored_state(lambda: Bert(self.shape_["encoder"]), folder / ENCODER, type(self).__name__)
        assert isinstance(encoder, Bert)
        self._encoder_ = encoder.eval()

    def _features(self, examples: Any) -> Any:
        """float32[n, dimensions], each row of length 1."""
        tokenizer = WordPieces(self.pieces_.split("\n"), self.lower_)
        longest = min(self.longest, self.shape_["encoder"]["places"])
        pieces = tokenizer.numbered((text or "" for text in examples.texts.to_pylist()), longest)
        if not len(pieces):
            return np.empty((0, self.shape_["encoder"]["dimensions"]), np.float32)

        def encoded(rows: Rows) -> torch.Tensor:
            found = self._encoder_(torch.as_tensor(pieces.padded(rows, longest), device=self.device))
            return nn.functional.normalize(found)

        return answers(self._encoder_, bucketed(pieces.lengths, 64, [0]), encoded)
