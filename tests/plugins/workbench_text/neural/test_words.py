"""Texts become numbers by a vocabulary of hashes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from workbench_text.neural.words import (
    FIRST,
    LONGEST_TEXT,
    UNKNOWN,
    hashed,
    numbered,
    vocabulary,
    with_ngrams,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's GOOD, isn't it?", ["it", "'s", "good", ",", "isn", "'t", "it", "?"]),
        ("这家店好吃", ["这", "家", "店", "好", "吃"]),
        ("iPhone 15很好用!", ["iphone", "15", "很", "好", "用", "!"]),
        ("\ufb01ne \uff21\uff22\uff23", ["fine", "abc"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("", []),
        (" \t\n", []),
        ("😀😀", ["😀", "😀"]),
        ("a" * 2 * LONGEST_TEXT, ["a" * LONGEST_TEXT]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_words_are_numbered_alike_wherever_they_stand() -> None:
    words = hashed(pa.array(["b a b", "", "a new"]))
    known = vocabulary(hashed(pa.array(["a b", "b a"])), 1, 10)
    found = numbered(words, known)
    assert found.lengths.tolist() == [3, 0, 2]
    b, a = found.values[:2]
    assert sorted([a, b]) == [FIRST, FIRST + 1]
    assert found.values.tolist() == [b, a, b, a, UNKNOWN]
    assert found.padded(np.array([2, 0, 1]), 9).tolist() == [[a, UNKNOWN, 0], [b, a, b], [0, 0, 0]]
    assert found.padded(np.array([0]), 2).tolist() == [[b, a]]
    assert found.padded(np.array([1]), 2).tolist() == [[0]], "never without a column"


def test_rows_are_joined_and_thinned() -> None:
    words = hashed(pa.array(["b a b", "", "a new"]))
    joined = words.joined(np.array([2, 1, 0]))
    assert joined.lengths.tolist() == [2, 0, 3]
    assert joined.values.tolist() == [*words.values[3:], *words.values[:3]]
    assert joined.where(joined.values != words.values[0]).lengths.tolist() == [2, 0, 1]


def test_a_vocabulary_has_the_frequent_and_never_nothing() -> None:
    words = hashed(pa.array(["a a a b b c"]))
    sizes = [len(vocabulary(words, least, most)) for least, most in ((1, 9), (2, 9), (1, 1), (4, 9))]
    assert sizes == [3, 2, 1, 3]
    assert vocabulary(words, 1, 1)[0] == words.values[0]
    nothing = hashed(pa.array(["", ""]))
    assert len(vocabulary(nothing, 1, 9)) == 0
    assert numbered(words, vocabulary(nothing, 1, 9)).values.tolist() == [UNKNOWN] * 6


def test_ngrams_keep_to_their_text_and_to_their_order() -> None:
    words = hashed(pa.array(["x y z", "y x", "x y", "x", ""]))
    grams = with_ngrams(words, 3)
    assert grams.lengths.tolist() == [6, 3, 3, 1, 0]
    first, second, third = (set(grams.joined(np.array([row])).values.tolist()) for row in range(3))
    assert third < first
    assert len(second & third) == 2, "the words, but not the pair"
    assert with_ngrams(words, 1).values.tolist() == words.values.tolist()
