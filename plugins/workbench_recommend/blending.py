"""Lists of several models made one: each place of a list is worth something, and what an item is given is added up.

A place is worth its discount in nDCG, 1 / log2(rank + 1). Scores are left aside: those of different models have
different scales, and in trials on validation data their standardised sum was no better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.blocks.recommend import Queries, recommend
from workbench.blocks.top_k import Lists, top_k

if TYPE_CHECKING:
    import scipy.sparse as sp

DEPTH = 200
"""How far down lists are read."""

BLOCK = 4096
"""Lists blended at a time."""


class Blender:
    """Lists of several models for the same queries, lined up once, so that they can be added up under any weights.

    Args:
        lists: of each model, int32[n, k], item numbers from the best, -1 where a list ends early.
    """

    def __init__(self, lists: Sequence[NDArray[np.int32]]) -> None:
        n = len(lists[0])
        width = np.int64(max(int(items.max(initial=-1)) for items in lists) + 1)
        rows, items, places, owners = [], [], [], []
        for owner, given in enumerate(lists):
            row, place = np.nonzero(given >= 0)
            rows.append(row)
            items.append(given[row, place].astype(np.int64))
            places.append(place)
            owners.append(np.full(len(row), owner))
        row, item, place = (np.concatenate(parts) for parts in (rows, items, places))
        pairs, pair = np.unique(row * width + item, return_inverse=True)
        starts = np.searchsorted(pairs, np.arange(n + 1) * width)
        column = np.arange(len(pairs)) - starts[pairs // max(1, width)]
        self.items = np.full((n, int(np.diff(starts).max(initial=0))), -1, dtype=np.int32)
        self.items[pairs // max(1, width), column] = pairs % max(1, width)
        self.worth = np.zeros((len(lists), *self.items.shape), dtype=np.float32)
        self.worth[np.concatenate(owners), row, column[pair]] = 1 / np.log2(place + 2)

    def __call__(self, weights: Sequence[float], k: int) -> Lists:
        """The k best items of every query; equal sums are in order of item number."""
        sums = np.tensordot(np.asarray(weights, dtype=np.float32), self.worth, axes=1)
        sums[self.items < 0] = -np.inf
        positions, scores = top_k(sums, k)
        found = np.take_along_axis(self.items, np.maximum(positions, 0), axis=1) if self.items.size else positions
        return np.where(positions >= 0, found, np.int32(-1)), scores


class Ensemble:
    """Fitted models that answer together.

    Args:
        models: recommenders of any form.
        weights: of each.
    """

    def __init__(self, models: Sequence[Any], weights: Sequence[float]) -> None:
        self.models, self.weights = tuple(models), tuple(weights)

    def recommend(self, queries: Queries, k: int, exclude: sp.csr_array | None) -> Lists:
        """The k best items of each query: int32[n, k] and float32[n, k]. Who knows nothing of a query adds nothing."""
        items = np.full((len(queries), k), -1, dtype=np.int32)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for start in range(0, len(queries), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(queries)))
            chosen, drop = queries.take(rows), None if exclude is None else exclude[rows]
            lists = [recommend(model, chosen, max(DEPTH, k), drop)[0] for model in self.models]
            items[rows], scores[rows] = Blender(lists)(self.weights, k)
        return items, scores
