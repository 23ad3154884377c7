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
        heads: of attention, each of `width` dimensions; an embedding has as many as all of them together.
        layers: of the encoder.
    """

    heads: int = 4
    width: int = 16
    layers: int = 2
    space = {
        **{name: each for name, each in TextNetwork.space.items() if name != "dimensions"},
        "heads": Choice(1, 2, 4, 8),
        "width": Choice(16, 32, 64),
        "layers": Int(1, 4),
    }
    longest: ClassVar[int] = 200
    seconds_per_character: ClassVar[float] = 3e-5

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        return Encoder(
            shape["words"],
            self.heads * self.width,
            self.heads,
            self.layers,
            self.longest,
            self.dropout,
            shape["classes"],
        )


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
