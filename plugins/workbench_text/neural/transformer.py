"""A small Transformer encoder: Vaswani et al., "Attention Is All You Need", NeurIPS 2017; norms before each layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.space import Choice, Int
from workbench_text.neural.base import TextNetwork, embedding
from workbench_text.neural.words import PADDING


class Transformer(TextNetwork):
    """Attention over a text's words, whose mean is classified.

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
    seconds_per_character: ClassVar[float] = 3e-5

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        width = self.dimensions // self.heads * self.heads
        return Encoder(shape["words"], width, self.heads, self.layers, self.longest, self.dropout, shape["classes"])


class Encoder(nn.Module):
    """int64[n, words] -> float[n, classes]."""

    def __init__(
        self, words: int, dimensions: int, heads: int, layers: int, longest: int, dropout: float, classes: int
    ) -> None:
        super().__init__()
        self.embedding = embedding(words, dimensions)
        self.places = nn.Parameter(torch.randn(longest, dimensions) * 0.1 * dimensions**-0.5)
        layer = nn.TransformerEncoderLayer(
            dimensions, heads, 2 * dimensions, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(dimensions), enable_nested_tensor=False)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(dimensions, classes)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        padding = words == PADDING
        padding[:, 0] = False  # a text without words attends to its first place
        embedded = self.dropout(self.embedding(words) + self.places[: words.shape[1]])
        states = self.layers(embedded, src_key_padding_mask=padding)
        there = (~padding)[:, :, None]
        found: torch.Tensor = self.last(self.dropout((states * there).sum(dim=1) / there.sum(dim=1)))
        return found
