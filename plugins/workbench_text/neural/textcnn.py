"""Convolutions over word embeddings: Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.space import Int
from workbench_text.neural.base import TextNetwork, embedding
from workbench_text.neural.words import PADDING

WIDTHS = 3


class TextCNN(TextNetwork):
    """CNN-rand of the paper: embeddings are learned from scratch.

    Args:
        filters: of each width.
        widest: how many words the widest filters see; there are three widths, each a word less.
    """

    filters: int = 100
    widest: int = 5
    space = {**TextNetwork.space, "filters": Int(32, 300, log=True), "widest": Int(3, 7)}
    seconds_per_character: ClassVar[float] = 2e-5

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        widths = range(self.widest - WIDTHS + 1, self.widest + 1)
        return Convolutions(shape["words"], self.dimensions, self.filters, widths, self.dropout, shape["classes"])


class Convolutions(nn.Module):
    """int64[n, words] -> float[n, classes]."""

    def __init__(self, words: int, dimensions: int, filters: int, widths: range, dropout: float, classes: int) -> None:
        super().__init__()
        self.embedding = embedding(words, dimensions)
        self.widths = widths
        self.layers = nn.ModuleList(nn.Conv1d(dimensions, filters, width, padding=width - 1) for width in widths)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(filters * len(widths), classes)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        lengths = (words != PADDING).sum(dim=1)
        embedded = self.embedding(words).transpose(1, 2)
        maxima = []
        for width, layer in zip(self.widths, self.layers, strict=True):
            seen = layer(embedded)
            # What sees padding alone is left out, so that a text's answer does not depend on the batch it is in.
            beyond = torch.arange(seen.shape[2], device=words.device) >= (lengths + width - 1)[:, None]
            maxima.append(seen.masked_fill(beyond[:, None], -torch.inf).amax(dim=2).relu())
        found: torch.Tensor = self.last(self.dropout(torch.cat(maxima, dim=1)))
        return found
