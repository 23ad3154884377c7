"""Little texts in English and Chinese, read as the task reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from workbench.data.examples import Examples


@dataclass(frozen=True, kw_only=True)
class Texts(Examples):
    """The part of the task, as far as networks look at it."""

    texts: pa.Array


def texts_of(rows: list[tuple[str, int]]) -> Texts:
    texts, target = zip(*rows, strict=True)
    return Texts(target=np.array(target, np.int32), n_classes=2, ids=np.arange(len(rows)), texts=pa.array(texts))


@pytest.fixture(scope="session")
def texts() -> Texts:
    """Ninety short texts, of which each says in one word or character which class it is of."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(90):
        good = int(rng.integers(2))
        if number % 3:
            rest = rng.choice(["the", "soup", "was", "rice", "we", "had"], rng.integers(1, 7))
            words = [*rest, ("lovely", "stale")[1 - good]]
            rows.append((" ".join(rng.permutation(words)), good))
        else:
            rest = rng.choice(list("今天的饭菜很"), rng.integers(1, 7))
            rows.append(("".join(rng.permutation([*rest, "香臭"[1 - good]])), good))
    return texts_of(rows)
