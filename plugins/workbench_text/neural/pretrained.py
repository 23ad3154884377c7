"""What a pretrained encoder makes of a text, and a classifier of ours on it; the encoder lies in a local folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.blocks.frozen import Frozen
from workbench.blocks.training import Rows, answers, bucketed, cpu_has_bfloat16, mixed_precision
from workbench.contract.context import Context
from workbench_text.neural.wordpiece import WordPieces
from workbench_text.neural.words import Ragged

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from workbench_text.neural.bert import Bert

LONGEST = 256
"""Pieces of a text that are looked at."""


def pieces(texts: Any, known: str, lower: bool, places: int) -> Ragged:
    """The numbers of the pieces of string[n], at most `LONGEST` a text and no more than an encoder has places for.

    Args:
        texts: string[n].
        known: the pieces in the order of their numbers, a line each.
        lower: whether they are of lower case.
        places: of the encoder.
    """
    tokenizer = WordPieces(known.split("\n"), lower)
    return tokenizer.numbered((text or "" for text in texts.to_pylist()), min(LONGEST, places))


class Pretrained(Frozen):
    """Logistic regression on what a frozen encoder makes of a text, which is found once in a run for each text.

    The part has one field more, `pretrained`, the folder of the encoder, and `provides` the word `pretrained`. The
    encoder is stored with the model.
    """

    module_: Bert

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float] | None:
        """Of reading the texts of train and valid with an encoder of 22 million weights, one thread."""
        each = 2e-5 if cpu_has_bfloat16() else 6e-5
        return 0.5 + each * shape["characters"] + 3e-4 * shape["examples"], 1e9 + 2e4 * shape["examples"]

    def module(self, shape: Mapping[str, Any]) -> Bert:
        from workbench_text.neural.bert import Bert

        return Bert(shape)

    def fit(self, train: Any, context: Context) -> None:
        """Only the classifier is fitted."""
        from workbench_text.neural.bert import pieces_of, read_encoder, shape_of

        folder = Path(train.pretrained)
        known, self.lower_ = pieces_of(folder)
        self.pieces_ = "\n".join(known)
        self.start(shape_of(folder), context)
        self.module_ = read_encoder(folder).to(self.device)
        self.learn(train, context, "features")

    def contents(self, examples: Any) -> Iterable[bytes]:
        """Texts."""
        return (text.encode("utf-8", "surrogatepass") for text in examples.texts.to_pylist())

    def features(self, examples: Any, rows: Sequence[int]) -> NDArray[np.float32]:
        """float32[rows, 4 * dimensions], found in mixed precision: the last digits depend on the machine."""
        import torch

        if not len(rows):
            return np.empty((0, 4 * self.shape_["dimensions"]), np.float32)
        texts = examples.texts.take(np.array(rows))
        numbered = pieces(texts, self.pieces_, self.lower_, self.shape_["places"])

        def seen(some: Rows) -> torch.Tensor:
            with mixed_precision(self.device):
                return self.module_.seen(torch.as_tensor(numbered.padded(some, LONGEST), device=self.device))

        return answers(self.module_, bucketed(numbered.lengths, 64, [0]), seen)
