"""The mean of embeddings: Joulin et al., "Bag of Tricks for Efficient Text Classification", EACL 2017 (fastText)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.blocks.training import Rows
from workbench.space import Int
from workbench_text.neural.base import TextNetwork
from workbench_text.neural.words import FIRST, UNKNOWN, Ragged, with_ngrams


class BagOfEmbeddings(TextNetwork):
    """Embeddings of hashed words and word n-grams, their mean, a linear layer.

    fastText hashes into a table of two million rows; here those that train has not met are left out of the table.

    Args:
        ngrams: the most words of an n-gram.
    """

    ngrams: int = 2
    dimensions: int = 64
    learning_rate: float = 5e-3
    space = {**TextNetwork.space, "ngrams": Int(1, 3)}
    most_known: ClassVar[int] = 200_000
    seconds_per_character: ClassVar[float] = 5e-6

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        return Bag(shape["words"], self.dimensions, self.dropout, shape["classes"])

    def terms(self, words: Ragged) -> Ragged:
        """Words and n-grams of them."""
        return with_ngrams(words, self.ngrams)

    def tensors(self, inputs: Ragged, rows: Rows) -> tuple[torch.Tensor, ...]:
        """int64[terms], and int64[rows] where each text begins among them."""
        terms = inputs.joined(rows)
        terms = terms.where(terms.values != UNKNOWN)
        numbers = torch.as_tensor(terms.values - FIRST, dtype=torch.int64, device=self.device)
        return numbers, torch.as_tensor(terms.starts[:-1], device=self.device)


class Bag(nn.Module):
    """(int64[terms], int64[n]) -> float[n, classes]."""

    def __init__(self, terms: int, dimensions: int, dropout: float, classes: int) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(terms, dimensions, mode="mean")
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(dimensions, classes)

    def forward(self, terms: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.last(self.dropout(self.embedding(terms, starts)))
        return found
