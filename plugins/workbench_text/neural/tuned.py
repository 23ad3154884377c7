"""A pretrained encoder, trained on with a linear layer on top: all of it but its embeddings (Devlin et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.blocks import training
from workbench.blocks.networks import NetworkClassifier
from workbench.contract.context import Context
from workbench.space import Choice, Float, Int
from workbench_text.neural.base import Sequences
from workbench_text.neural.pretrained import LONGEST, pieces
from workbench_text.neural.words import Ragged

if TYPE_CHECKING:
    from torch import nn


class Tuned(Sequences):
    """An encoder whose last layer, averaged over the pieces of a text, is given to a linear layer.

    Few epochs at a small rate that first rises, so that what the encoder knows is not lost. The embeddings of pieces
    and places stay as they are: most of them are never met, and they are half of all weights.
    """

    epochs: int = 2
    batch_size: int = 32
    learning_rate: float = 1.5e-4
    dropout: float = 0.1

    longest: ClassVar[int] = LONGEST
    needs = {"classes", "pretrained"}
    space = {
        "epochs": Int(1, 5),
        "batch_size": Choice(16, 32, 64),
        "learning_rate": Float(2e-5, 4e-4, log=True),
        "dropout": Float(0.0, 0.5),
        **{name: NetworkClassifier.space[name] for name in ("weight_decay", "label_smoothing", "class_balance")},
    }

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float] | None:
        """Of a fit with the defaults and an encoder of 22 million weights, one thread."""
        each = 1.5e-4 if training.cpu_has_bfloat16() else 3.5e-4
        return 2.0 + cls.hyperparameters()["epochs"] * each * shape["characters"], 1.2e9

    def prepare(self, train: Any, context: Context) -> dict[str, Any]:
        """Look at the encoder."""
        from workbench_text.neural.bert import pieces_of, shape_of

        self._folder = Path(train.pretrained)
        known, self.lower_ = pieces_of(self._folder)
        self.pieces_ = "\n".join(known)
        return {"encoder": shape_of(self._folder)}

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from torch import nn

        from workbench_text.neural.bert import Bert

        head = nn.Linear(shape["encoder"]["dimensions"], shape["classes"])
        return nn.Sequential(Bert(shape["encoder"]), nn.Dropout(self.dropout), head)

    def start(self, shape: dict[str, Any], context: Context) -> None:
        """Begin with what the encoder has learned."""
        from workbench_text.neural.bert import read_encoder

        super().start(shape, context)
        encoder = self.module_.get_submodule("0")
        encoder.load_state_dict(read_encoder(self._folder).state_dict())
        for table in ("words", "places", "kinds"):
            encoder.get_submodule(table).requires_grad_(False)

    def recipe(self) -> training.Recipe:
        """With a longer rise than others."""
        return replace(super().recipe(), warm_up=0.1, half_on_cpu=True)

    def numbered(self, examples: Any) -> Ragged:
        """The numbers of pieces."""
        return pieces(examples.texts, self.pieces_, self.lower_, self.shape_["encoder"]["places"])
