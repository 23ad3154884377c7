"""The networks of `workbench_text.neural.scratch`, which are modules of torch."""

from __future__ import annotations

import torch
from torch import nn

from workbench_text.neural.words import PADDING


def embedding(words: int, dimensions: int) -> nn.Embedding:
    """Embeddings of words; that of padding is and stays 0."""
    made = nn.Embedding(words, dimensions, padding_idx=PADDING)
    nn.init.normal_(made.weight, std=dimensions**-0.5)
    with torch.no_grad():
        made.weight[PADDING] = 0
    return made


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
