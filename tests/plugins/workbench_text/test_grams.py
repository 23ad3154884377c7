"""N-grams against the plainest way to count them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench_text import grams
from workbench_text.grams import CHARACTERS, LONGEST, WORDS, learn, words_of

TEXTS = st.lists(st.text(alphabet="ab B好吃\n.", max_size=12), min_size=1, max_size=8)


def counted(kind: str, text: str) -> Counter[tuple[str, ...]]:
    symbols = words_of(text) if kind == WORDS else list(f" {' '.join(text.lower().split())} ")
    lengths = range(1, LONGEST[kind] + 1)
    return Counter(tuple(symbols[at : at + n]) for n in lengths for at in range(len(symbols) - n + 1))


@pytest.mark.parametrize("kind", [WORDS, CHARACTERS])
@given(texts=TEXTS)
def test_counts_are_those_of_counting(kind: str, texts: list[str]) -> None:
    vocabulary, counts = learn(kind, texts)
    each = [counted(kind, text) for text in texts]
    everywhere = Counter(gram for one in each for gram in one)
    free = 2 if kind == WORDS else 1
    kept = {gram for gram, texts_with in everywhere.items() if len(gram) <= free or texts_with > 1}
    assert counts.shape == (len(texts), len(kept)) == (len(texts), vocabulary.sizes.sum())
    expected = [sorted(count for gram, count in one.items() if gram in kept) for one in each]
    assert [sorted(row.data.tolist()) for row in counts] == expected
    assert (vocabulary.count(texts) - counts).nnz == 0


@pytest.mark.parametrize("kind", [WORDS, CHARACTERS])
def test_what_is_unknown_is_left_out(kind: str) -> None:
    vocabulary, counts = learn(kind, ["one two", "two one", "three"])
    found = vocabulary.count(["one two four", "zzz", ""])
    assert found.shape == (3, counts.shape[1]) and found.dtype == np.float32
    if kind == WORDS:
        assert found.sum(axis=1).tolist() == [2 + 2 + 2, 2, 2]  # each begins and ends; "^ one", "one two"


def test_words_of_text_with_and_without_spaces() -> None:
    assert words_of("It's 5 pm。很好吃!") == ["^", "it", "s", "5", "pm", "很", "好", "吃", "$"]
    assert words_of("カレーgood") == ["^", *"カレー", "good", "$"]
    assert words_of("") == ["^", "$"]


def test_of_many_texts_rare_n_grams_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grams, "ROWS_A_GRAM", 2)
    vocabulary, _ = learn(WORDS, ["a b", "a b", "a", "c"])
    assert vocabulary.sizes.tolist() == [3, 1, 0]  # in three texts: ^ a $, and "^ a"
