"""What the networks for texts have in common: batches of texts of like length, and a vocabulary learned on train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench.blocks.networks import NetworkClassifier
from workbench.blocks.training import Rows, bucketed
from workbench.contract.context import Context
from workbench.space import Float, Int
from workbench_text.neural.words import FIRST, Ragged, hashed, numbered, vocabulary

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


CHARACTERS = 5.5
"""Of a word and the space after it; of Chinese, each is a word."""


class Sequences(NetworkClassifier):
    """A network over texts as sequences of numbers."""

    longest: ClassVar[int] = 400
    """Numbers of a text that are looked at."""
    _read_: tuple[Any, Ragged] | None = None

    def numbered(self, examples: Any) -> Ragged:
        """The numbers of what stands in each text."""
        raise NotImplementedError(f"{type(self).__name__} does not say how texts become numbers")

    def inputs(self, examples: Any) -> Ragged:
        """As `numbered`; those of the part that was asked for last are kept, as each epoch asks again."""
        if self._read_ is None or self._read_[0] is not examples:
            self._read_ = examples, self.numbered(examples)
        return self._read_[1]

    def batches(self, inputs: Ragged, n: int, size: int, seed: Sequence[int]) -> list[Rows]:
        """Batches of texts of like length."""
        return bucketed(np.minimum(inputs.lengths, self.longest), size, seed)

    def tensors(self, inputs: Ragged, rows: Rows) -> tuple[torch.Tensor, ...]:
        """int64[rows, numbers], padded."""
        import torch

        return (torch.as_tensor(inputs.padded(rows, self.longest), device=self.device),)


class TextNetwork(Sequences):
    """A network over the words of texts, numbered by a vocabulary.

    Args:
        dimensions: of a word's embedding.
        dropout: share of what is left out in training.
        least_count: words that come less often in train count as unknown.
    """

    epochs: int = 8
    dimensions: int = 128
    dropout: float = 0.5
    least_count: int = 2

    most_known: ClassVar[int] = 100_000
    space = {
        **NetworkClassifier.space,
        "epochs": Int(3, 20, log=True),
        "dimensions": Int(32, 300, log=True),
        "dropout": Float(0.0, 0.7),
        "least_count": Int(1, 5),
    }

    def prepare(self, train: Any, context: Context) -> dict[str, Any]:
        """Learn the vocabulary."""
        found = context.shared("words", lambda: vars(hashed(train.texts)))
        words = self.terms(Ragged(found["values"], found["starts"]))
        self.known_: NDArray[np.uint64] = vocabulary(words, self.least_count, self.most_known)
        self._read_ = train, numbered(words, self.known_)
        return {"words": FIRST + len(self.known_)}

    def terms(self, words: Ragged) -> Ragged:
        """Hashes of what is looked at in a text, from those of its words."""
        return words

    def numbered(self, examples: Any) -> Ragged:
        """The numbers of words."""
        return numbered(self.terms(hashed(examples.texts)), self.known_)

    @classmethod
    def estimate(cls, shape: Mapping[str, int]) -> tuple[float, float] | None:
        """Of a fit with the defaults, one thread."""
        words = shape["chinese"] + (shape["characters"] - shape["chinese"]) / CHARACTERS
        return words * cls.seconds_per_word, 3e8 + 50 * shape["characters"]

    seconds_per_word: ClassVar[float]
    """CPU seconds of a whole fit with the defaults, the middle of four data sets."""
