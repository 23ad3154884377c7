"""TF-IDF of n-grams: what the classical models are fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from workbench import Context, Model
from workbench.space import Choice, Int, Space, When
from workbench_text.chinese import check_installed, worth_cutting
from workbench_text.grams import CHARACTERS, CUT_WORDS, LONGEST, WORDS, Vocabulary, learn
from workbench_text.task import Texts

BOTH, CUT, CUT_BOTH = "both", "cut", "cut-both"

KINDS = {
    WORDS: [WORDS],
    CHARACTERS: [CHARACTERS],
    BOTH: [WORDS, CHARACTERS],
    CUT: [CUT_WORDS],
    CUT_BOTH: [CUT_WORDS, CHARACTERS],
}
"""`grams` -> the kinds of n-grams that it stands for; the last two are for Chinese."""

GRAMS = {
    "grams": Choice(WORDS, CHARACTERS, BOTH),
    **When("grams", (WORDS, BOTH, CUT, CUT_BOTH), {"words": Int(1, LONGEST[WORDS])}),
    **When("grams", (CHARACTERS, BOTH, CUT_BOTH), {"characters": Int(2, LONGEST[CHARACTERS])}),
    "least": Int(1, 3),
}
"""The space of what texts are made into."""

MOST_CHARACTERS = 20_000_000
"""In more of them than these, words alone are looked at: n-grams of characters would fill the memory."""

ARRAYS = ("symbols", "keys", "sizes")


class Weighted(Model):
    """The base of models on (1 + ln count) * idf of n-grams, each text and kind of n-gram brought to length 1.

    `idf` is ln((1 + n) / (1 + texts with the n-gram)) + 1. N-grams are counted once in a run for every part that is
    fitted on.
    """

    grams: str = WORDS
    words: int = 2
    characters: int = 4
    least: int = 1

    @classmethod
    def space_for(cls, shape: Mapping[str, int]) -> Space:
        """With all that `grams` may be, where Chinese can be cut into words."""
        return {**cls.space, "grams": Choice(*KINDS)} if worth_cutting(shape) else cls.space

    @classmethod
    def cost(cls, shape: Mapping[str, int]) -> tuple[float, float]:
        """(CPU seconds, bytes) of n-grams of words, and of about as much made of them."""
        return 0.05 + 1e-6 * shape["characters"], 1e7 + 60.0 * shape["characters"]

    def learn_grams(self, train: Texts, context: Context) -> sp.csr_array:
        """Choose n-grams and weigh them: float32[n, n_features] of the texts that are learned from."""
        columns = []
        self.kinds_ = [WORDS] if train.shape["characters"] > MOST_CHARACTERS else [*KINDS[self.grams]]
        for kind in self.kinds_:
            longest = self.characters if kind == CHARACTERS else self.words
            counts = self._learn_kind(kind, longest, train, context)
            texts = np.bincount(counts.indices, minlength=counts.shape[1])
            kept = np.flatnonzero(texts >= self.least)
            if not len(kept):
                kept = np.arange(counts.shape[1])
            idf = np.log((1 + len(train)) / (1 + texts[kept])) + 1
            self._learned(kind, kept=kept, idf=idf.astype(np.float32))
            columns.append(_weighted(counts[:, kept], idf))
        return _joined(columns)

    def restore(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            PluginError: Chinese cannot be cut as it was when this was learned.
        """
        super().restore(folder)
        if CUT_WORDS in self.kinds_:
            check_installed()

    def weigh(self, examples: Texts) -> sp.csr_array:
        """float32[n, n_features]."""
        columns, texts = [], examples.texts.to_pylist()
        for kind in self.kinds_:
            vocabulary = Vocabulary(kind, *(getattr(self, f"{kind}_{name}_") for name in ARRAYS))
            counts = vocabulary.count(texts)[:, getattr(self, f"{kind}_kept_")]
            columns.append(_weighted(counts, getattr(self, f"{kind}_idf_")))
        return _joined(columns)

    def _learn_kind(self, kind: str, longest: int, train: Texts, context: Context) -> sp.csr_array:
        """Counts of n-grams up to this length; what they are goes into attributes."""

        def compute() -> dict[str, NDArray[Any]]:
            vocabulary, counts = learn(kind, train.texts.to_pylist())
            own = {name: getattr(vocabulary, name) for name in ARRAYS}
            return {**own, "data": counts.data, "indices": counts.indices, "indptr": counts.indptr}

        found = context.shared(f"n-grams of {kind}", compute)
        n = int(found["sizes"][:longest].sum())
        self._learned(kind, symbols=found["symbols"], keys=found["keys"][:n], sizes=found["sizes"][:longest])
        parts = found["data"], found["indices"], found["indptr"]
        return sp.csr_array(parts, shape=(len(train), len(found["keys"])))[:, :n]

    def _learned(self, kind: str, **values: NDArray[Any]) -> None:
        for name, value in values.items():
            setattr(self, f"{kind}_{name}_", np.array(value))


def _joined(columns: list[sp.csr_array]) -> sp.csr_array:
    """Side by side, with the narrow indices that liblinear takes."""
    whole = sp.hstack(columns, format="csr")
    parts = whole.data, whole.indices.astype(np.int32), whole.indptr.astype(np.int32)
    return sp.csr_array(parts, shape=whole.shape)


def _weighted(counts: sp.csr_array, idf: NDArray[np.floating]) -> sp.csr_array:
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    values = (1 + np.log(counts.data)) * idf[counts.indices]
    lengths = np.sqrt(np.bincount(rows, values**2, minlength=counts.shape[0]))
    values = (values / lengths[rows]).astype(np.float32)
    return sp.csr_array((values, counts.indices, counts.indptr), shape=counts.shape)
