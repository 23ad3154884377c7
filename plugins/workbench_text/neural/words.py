"""Texts -> words -> numbers, without keeping a word: a vocabulary is the sorted hashes of what it knows."""

from __future__ import annotations

import re
import unicodedata
from array import array
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese are written without spaces: each character counts as a word."""

WORD = re.compile(rf"(?<=\w)['\u2019][^\W{UNSPACED}]+|[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s]")

LONGEST_TEXT = 20_000
"""Characters of a text that are looked at."""

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Numbers of what is no word, of words that the vocabulary does not know, and of the first that it knows."""


@dataclass(frozen=True)
class Ragged:
    """Rows of unequal length: row `i` is `values[starts[i]:starts[i + 1]]`."""

    values: NDArray[Any]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """int64[n]."""
        return np.diff(self.starts)

    def padded(self, rows: NDArray[np.int64], longest: int) -> NDArray[np.int64]:
        """int64[rows, at most `longest`]: the beginnings of rows, then `PADDING`; never without a column."""
        starts = self.starts[rows]
        lengths = np.minimum(self.starts[rows + 1] - starts, longest)
        places = np.arange(max(1, lengths.max(initial=0)))
        there = places < lengths[:, None]
        found = np.full(there.shape, PADDING, np.int64)
        found[there] = self.values[(starts[:, None] + places)[there]]
        return found

    def joined(self, rows: NDArray[np.int64]) -> Ragged:
        """These rows alone."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        starts = np.append(0, np.cumsum(lengths))
        places = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return Ragged(self.values[places], starts)

    def where(self, kept: NDArray[np.bool_]) -> Ragged:
        """Without the values that are not kept."""
        return Ragged(self.values[kept], np.append(0, np.cumsum(kept))[self.starts])


class _Hashes(dict[str, int]):
    def __missing__(self, word: str) -> int:
        digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = found = int.from_bytes(digest, "little")
        return found


def words_of(text: str) -> list[str]:
    """Words in lower case, single characters where text has no spaces, and punctuation."""
    return WORD.findall(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).lower())


def hashed(texts: pa.Array) -> Ragged:
    """uint64 hashes of the words of string[n]."""
    hashes, values, starts = _Hashes(), array("Q"), array("q", [0])
    for text in texts.to_pylist():
        values.extend(map(hashes.__getitem__, words_of(text or "")))
        starts.append(len(values))
    return Ragged(np.array(values, np.uint64), np.array(starts, np.int64))


def with_ngrams(words: Ragged, longest: int) -> Ragged:
    """Hashes of words, and of all sequences of up to `longest` of them, row by row."""
    rows = np.repeat(np.arange(len(words)), words.lengths)
    gram, found, owners = words.values, [words.values], [rows]
    for n in range(2, longest + 1):
        gram = gram[:-1] * np.uint64(0x9E3779B97F4A7C15) + words.values[n - 1 :]  # a sequence's hash keeps its order
        inside = rows[: len(gram)] == rows[n - 1 :]
        found.append(gram[inside])
        owners.append(rows[: len(gram)][inside])
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=len(words))
    return Ragged(np.concatenate(found)[order], np.append(0, np.cumsum(counts)))


def vocabulary(words: Ragged, least: int, most: int) -> NDArray[np.uint64]:
    """Sorted hashes of those that come at least so often, the most frequent ones; of all, where none comes so often."""
    known, counts = np.unique(words.values, return_counts=True)
    often = np.flatnonzero(counts >= least)
    chosen = often if len(often) else np.arange(len(known))
    if len(chosen) > most:
        chosen = np.sort(chosen[np.argsort(-counts[chosen], kind="stable")[:most]])
    return np.asarray(known[chosen], np.uint64)


def numbered(words: Ragged, known: NDArray[np.uint64]) -> Ragged:
    """int32 numbers of words, from `FIRST`; `UNKNOWN` for others."""
    if not len(known):
        return Ragged(np.full(len(words.values), UNKNOWN, np.int32), words.starts)
    places = np.minimum(np.searchsorted(known, words.values), len(known) - 1)
    found = np.where(known[places] == words.values, places + FIRST, UNKNOWN)
    return Ragged(found.astype(np.int32), words.starts)
