"""Texts -> the pieces of words that a BERT encoder was trained on: Devlin et al., NAACL 2019; Wu et al. 2016."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from workbench_text.neural.words import LONGEST_TEXT, Ragged

START, END, STRANGE = "[CLS]", "[SEP]", "[UNK]"

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
PUNCTUATION = r"!-/:-@\[-`{-~"
SPLIT = re.compile(rf"[{HAN}]|[{PUNCTUATION}]|[^\s{HAN}{PUNCTUATION}]+")

LONGEST_WORD = 100
"""Characters; longer ones are strange."""


def _spaced(character: str) -> str:
    """Punctuation of any script is a word of its own; what cannot be seen is none."""
    if character in "\t\n\r":
        return " "
    category = unicodedata.category(character)[0]
    if category == "C" or character == "\ufffd":
        return ""
    return f" {character} " if category == "P" else character


class WordPieces:
    """Numbers texts as the encoder's own tokenizer does.

    Args:
        pieces: in the order of their numbers; those that go on with a word begin with `##`.
        lower: whether the encoder knows lower case alone, without accents.
    """

    def __init__(self, pieces: Sequence[str], lower: bool) -> None:
        self.numbers = {piece: number for number, piece in enumerate(pieces)}
        self.lower = lower
        self._known: dict[str, list[int]] = {}

    def numbered(self, texts: Iterable[str], longest: int) -> Ragged:
        """int32 numbers, with a start and an end; at most `longest` a text."""
        start, end = self.numbers[START], self.numbers[END]
        rows = []
        for text in texts:
            found = [start]
            for word in self._words(text):
                found += self._pieces(word)
                if len(found) >= longest:
                    break
            rows.append(np.array([*found[: longest - 1], end], np.int32))
        starts = np.append(0, np.cumsum([len(row) for row in rows], dtype=np.int64))
        return Ragged(np.concatenate(rows) if rows else np.empty(0, np.int32), starts)

    def _words(self, text: str) -> list[str]:
        text = text[:LONGEST_TEXT]
        if text.isascii() and text.isprintable():
            return SPLIT.findall(text.lower() if self.lower else text)
        if self.lower:
            text = unicodedata.normalize("NFD", text.lower())
            text = "".join(each for each in text if unicodedata.category(each) != "Mn")
        return SPLIT.findall("".join(map(_spaced, text)))

    def _pieces(self, word: str) -> list[int]:
        """The longest piece that a word begins with, then the longest that goes on, and so forth."""
        if word not in self._known:
            found, begin = [], 0
            while begin < len(word) <= LONGEST_WORD:
                for end in range(len(word), begin, -1):
                    number = self.numbers.get(("##" if begin else "") + word[begin:end])
                    if number is not None:
                        break
                else:
                    break
                found.append(number)
                begin = end
            self._known[word] = found if begin == len(word) else [self.numbers[STRANGE]]
        return self._known[word]
