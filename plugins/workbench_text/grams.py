"""N-grams of words and of characters, numbered and counted by numpy.

An n-gram is numbered by its first n - 1 symbols, which are an n-gram themselves, and by its last symbol:
`number of the first * number of symbols + last`. So a vocabulary is a sorted array of such keys for each length, no
matter how long its texts are, and one that is rare enough to be left out takes all that begin with it along.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from workbench_text.chinese import cutter

WORDS, CHARACTERS, CUT_WORDS = "words", "characters", "cut_words"
"""Of `WORDS` each Chinese character is one; `CUT_WORDS` are those that Chinese is cut into."""

LONGEST = {WORDS: 3, CHARACTERS: 5, CUT_WORDS: 3}
"""Kind -> the symbols of the longest n-grams."""

ROWS_A_GRAM = 50_000
"""An n-gram must be in one text more for each so many."""

# Han, kana: written without spaces, so each is a word of its own, and pairs of them are n-grams of words.
UNSPACED = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
RUN = re.compile(rf"([{UNSPACED}]+)|([^\W{UNSPACED}]+)")


@dataclass(frozen=True)
class Vocabulary:
    """The n-grams of one kind, in order of their length; of equal length, of their keys.

    Args:
        kind: `WORDS`, `CHARACTERS` or `CUT_WORDS`.
        symbols: uint8[...], the words in UTF-8, a newline after each; or uint32[n_symbols], sorted code points.
        keys: int64[n_grams], ascending within a length.
        sizes: int64[longest], how many n-grams there are of each length.
    """

    kind: str
    symbols: NDArray[Any]
    keys: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def count(self, texts: Sequence[str]) -> sp.csr_array:
        """float32[n, n_grams]: how often each n-gram is in each text."""
        symbols, rows = self._numbered(texts)
        parts, begin = [], 0
        previous = symbols
        for length, size in enumerate(self.sizes, 1):
            if length == 1:
                key, starts = symbols, np.arange(len(symbols))
            else:
                key, starts = _keys(previous, symbols, rows, length, self.n_symbols)
            keys = self.keys[begin : begin + size]
            at = np.minimum(np.searchsorted(keys, key), max(0, size - 1))
            known = (keys[at] == key) if size else np.zeros(len(key), dtype=bool)
            parts.append((rows[starts[known]], at[known] + begin))
            previous = np.full(len(symbols), -1, dtype=np.int64)
            previous[starts[known]] = at[known]
            begin += int(size)
        return _matrix(
            np.concatenate([part[0] for part in parts]),
            np.concatenate([part[1] for part in parts]),
            (len(texts), len(self.keys)),
        )

    @cached_property
    def n_symbols(self) -> int:
        """How many words or characters are told apart."""
        return len(self.symbols) if self.kind == CHARACTERS else len(self._numbers)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        words = self.symbols.tobytes().decode().split("\n")[:-1]
        return {word: number for number, word in enumerate(words)}

    def _numbered(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(the number of each symbol of all texts, -1 where unknown; the row of its text)."""
        if self.kind != CHARACTERS:
            return _words(self.kind, texts, lambda word: self._numbers.get(word, -1))
        points, rows = _points(texts)
        at = np.minimum(np.searchsorted(self.symbols, points), max(0, len(self.symbols) - 1))
        known = self.symbols[at] == points if len(self.symbols) else np.zeros(len(points), dtype=bool)
        return np.where(known, at, -1), rows


def learn(kind: str, texts: Sequence[str]) -> tuple[Vocabulary, sp.csr_array]:
    """(the n-grams of these texts up to `LONGEST`, how often each is in each text, float32[n, n_grams]).

    Single symbols and pairs of words are all kept, others that are in two texts; more where there are many texts.
    """
    symbols: NDArray[Any]
    if kind != CHARACTERS:
        numbers: dict[str, int] = {}
        numbered, rows = _words(kind, texts, lambda word: numbers.setdefault(word, len(numbers)))
        symbols = np.frombuffer("".join(f"{word}\n" for word in numbers).encode(), dtype=np.uint8)
        n_symbols = len(numbers)
    else:
        points, rows = _points(texts)
        symbols, numbered = _distinct(points)
        n_symbols = len(symbols)
    keys, counts = [], []
    previous = numbered
    for length in range(1, LONGEST[kind] + 1):
        if length == 1:
            key, starts = numbered, np.arange(len(numbered))
        else:
            key, starts = _keys(previous, numbered, rows, length, n_symbols)
        found, at = _distinct(key)
        counted = _matrix(rows[starts], at, (len(texts), len(found)))
        least = (1 if length == 1 or (kind != CHARACTERS and length == 2) else 2) + len(texts) // ROWS_A_GRAM
        kept = np.bincount(counted.indices, minlength=len(found)) >= least
        keys.append(found[kept])
        counts.append(counted[:, np.flatnonzero(kept)])
        previous = np.full(len(numbered), -1, dtype=np.int64)
        previous[starts] = np.where(kept, np.cumsum(kept) - 1, -1)[at]
    sizes = np.array([len(each) for each in keys])
    return Vocabulary(kind, symbols, np.concatenate(keys), sizes), sp.csr_array(sp.hstack(counts, format="csr"))


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, between `^` and `$`; each character that is written without spaces is one."""
    return ["^", *WORD.findall(text.lower()), "$"]


def cut_words_of(text: str) -> list[str]:
    """The same, but that what is written without spaces is cut into words."""
    cut = cutter()
    return ["^", *(word for run, whole in RUN.findall(text.lower()) for word in (cut(run) if run else [whole])), "$"]


def _words(
    kind: str, texts: Sequence[str], number: Callable[[str], int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(the number of each word of all texts, the row of its text)."""
    numbers, lengths = array("q"), array("q")
    split = words_of if kind == WORDS else cut_words_of
    for text in texts:
        words = split(text)
        numbers.extend(map(number, words))
        lengths.append(len(words))
    return np.array(numbers, dtype=np.int64), _rows(lengths)


def _points(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """(the code points of all texts in lower case, one space for any gap and at both ends; the row of each)."""
    plain = [f" {' '.join(text.lower().split())} " for text in texts]
    points = np.frombuffer("".join(plain).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return points, _rows(map(len, plain))


def _rows(lengths: Iterable[int]) -> NDArray[np.int64]:
    counted = np.fromiter(lengths, dtype=np.int64)
    return np.repeat(np.arange(len(counted)), counted)


def _keys(
    previous: NDArray[np.int64], symbols: NDArray[np.int64], rows: NDArray[np.int64], length: int, n_symbols: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(keys of all n-grams of this length of which the parts are known, where each starts)."""
    last = symbols[length - 1 :]
    first = previous[: len(last)]
    starts = np.flatnonzero((first >= 0) & (last >= 0) & (rows[: len(last)] == rows[length - 1 :]))
    return first[starts] * n_symbols + last[starts], starts


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """(the distinct values, ascending; the number of each value among them): by hashing, where numpy would sort."""
    encoded = pa.array(values).dictionary_encode()
    found = np.asarray(encoded.dictionary)
    order = np.argsort(found)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return found[order], rank[np.asarray(encoded.indices)]


def _matrix(rows: NDArray[Any], columns: NDArray[Any], shape: tuple[int, int]) -> sp.csr_array:
    """float32: ones at these places, added up."""
    ones = np.ones(len(rows), dtype=np.float32)
    return sp.csr_array(sp.coo_array((ones, (rows, columns.astype(np.int32))), shape=shape))
