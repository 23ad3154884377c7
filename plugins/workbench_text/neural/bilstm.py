"""A recurrent network that reads both ways, and attention over what it has read.

Zhou et al., "Attention-Based Bidirectional Long Short-Term Memory Networks for Relation Classification", ACL 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.space import Int
from workbench_text.neural.base import TextNetwork, embedding
from workbench_text.neural.words import PADDING


class BiLSTM(TextNetwork):
    """A bidirectional LSTM with attention.

    Args:
        units: of each direction.
    """

    units: int = 64
    space = {**TextNetwork.space, "units": Int(32, 256, log=True)}
    longest: ClassVar[int] = 200
    seconds_per_character: ClassVar[float] = 3e-5

    def module(self, shape: Mapping[str, Any]) -> nn.Module:
        return BothWays(shape["words"], self.dimensions, self.units, self.dropout, shape["classes"])


class BothWays(nn.Module):
    """int64[n, words] -> float[n, classes]."""

    def __init__(self, words: int, dimensions: int, units: int, dropout: float, classes: int) -> None:
        super().__init__()
        self.embedding = embedding(words, dimensions)
        self.lstm = nn.LSTM(dimensions, units, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(2 * units, 1)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(2 * units, classes)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        padding = words == PADDING
        lengths = (~padding).sum(dim=1).clamp(min=1)  # a text without words is read as one that is padding
        padding[:, 0] = False
        packed = nn.utils.rnn.pack_padded_sequence(
            self.dropout(self.embedding(words)), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        scores = self.attention(states.tanh()).masked_fill(padding[:, : states.shape[1], None], -torch.inf)
        found: torch.Tensor = self.last(self.dropout((states * scores.softmax(dim=1)).sum(dim=1).tanh()))
        return found
