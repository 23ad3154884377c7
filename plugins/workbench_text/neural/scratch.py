"""Networks that learn from the texts of train alone.

Their hyperparameters are told without torch, whose import takes longer than many a model: it waits for the first fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.blocks.training import Rows
from workbench.space import Choice, Int
from workbench_text.neural.base import TextNetwork
from workbench_text.neural.words import FIRST, UNKNOWN, Ragged, with_ngrams

if TYPE_CHECKING:
    import torch
    from torch import nn

WIDTHS = 3
"""Of convolutions, each a word less than the one before."""


class BagOfEmbeddings(TextNetwork):
    """Embeddings of hashed words and word n-grams, their mean, a linear layer.

    Joulin et al., "Bag of Tricks for Efficient Text Classification", EACL 2017 (fastText), which hashes into a table of
    two million rows; here those that train has not met are left out of the table.

    Args:
        ngrams: the most words of an n-gram.
    """

    ngrams: int = 2
    dimensions: int = 64
    learning_rate: float = 5e-3
    space = {**TextNetwork.space, "ngrams": Int(1, 3)}
    most_known: ClassVar[int] = 200_000
    seconds_per_word: ClassVar[float] = 1.3e-5

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_text.neural.networks import Bag

        return Bag(shape["words"], self.dimensions, self.dropout, shape["classes"])

    def terms(self, words: Ragged) -> Ragged:
        """Words and n-grams of them."""
        return with_ngrams(words, self.ngrams)

    def tensors(self, inputs: Ragged, rows: Rows) -> tuple[torch.Tensor, ...]:
        """int64[terms], and int64[rows] where each text begins among them."""
        import torch

        terms = inputs.joined(rows)
        terms = terms.where(terms.values != UNKNOWN)
        numbers = torch.as_tensor(terms.values - FIRST, dtype=torch.int64, device=self.device)
        return numbers, torch.as_tensor(terms.starts[:-1], device=self.device)


class TextCNN(TextNetwork):
    """Convolutions over word embeddings, which are learned from scratch: CNN-rand of the paper.

    Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014.

    Args:
        filters: of each width.
        widest: how many words the widest filters see; there are three widths, each a word less.
    """

    filters: int = 100
    widest: int = 5
    space = {**TextNetwork.space, "filters": Int(32, 300, log=True), "widest": Int(3, 7)}
    seconds_per_word: ClassVar[float] = 1.5e-4

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_text.neural.networks import Convolutions

        widths = range(self.widest - WIDTHS + 1, self.widest + 1)
        return Convolutions(shape["words"], self.dimensions, self.filters, widths, self.dropout, shape["classes"])


class BiLSTM(TextNetwork):
    """A recurrent network that reads both ways, and attention over what it has read.

    Zhou et al., "Attention-Based Bidirectional Long Short-Term Memory Networks for Relation Classification", ACL 2016.

    Args:
        units: of each direction.
    """

    units: int = 64
    space = {**TextNetwork.space, "units": Int(32, 256, log=True)}
    longest: ClassVar[int] = 200
    seconds_per_word: ClassVar[float] = 1.8e-4

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_text.neural.networks import BothWays

        return BothWays(shape["words"], self.dimensions, self.units, self.dropout, shape["classes"])


class Transformer(TextNetwork):
    """Attention over a text's words, whose mean is classified; norms come before each layer.

    Vaswani et al., "Attention Is All You Need", NeurIPS 2017.

    Args:
        dimensions: of a word's embedding, of which each head has an equal share; a remainder is left out.
        heads: of attention.
        layers: of the encoder.
    """

    dimensions: int = 64
    heads: int = 4
    layers: int = 2
    space = {
        **TextNetwork.space,
        "heads": Choice(1, 2, 4, 8),
        "layers": Int(1, 4),
    }
    longest: ClassVar[int] = 200
    seconds_per_word: ClassVar[float] = 3e-4

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        from workbench_text.neural.networks import Encoder

        width = self.dimensions // self.heads * self.heads
        return Encoder(shape["words"], width, self.heads, self.layers, self.longest, self.dropout, shape["classes"])
