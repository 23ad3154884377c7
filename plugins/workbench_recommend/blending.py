"""Lists of several models made one: what each model gives an item is added up.

The scores of different models have different scales. So each list is standardised by itself, mean 0 and deviation
1, and an item is given the softmax of half of that: what stands high in a list counts, and its tail, which is cut
off somewhere, hardly does. On validation parts of two data sets that gave more than the standardised scores
themselves, ranges from 0 to 1, or ranks by discount or reciprocal.
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

TEMPERATURE = 2.0

BLOCK = 4096
"""Lists blended at a time."""


class Blender:
    """Lists of several models for the same queries, lined up once, so that they can be added up under any weights.

    Args:
        lists: of each model, items int32[n, k] from the best, -1 where a list ends early, and scores float32[n, k].
    """

    def __init__(self, lists: Sequence[Lists]) -> None:
        n = len(lists[0][0])
        width = np.int64(max(int(items.max(initial=-1)) for items, _ in lists) + 1)
        rows, items, shares, owners = [], [], [], []
        for owner, (given, scores) in enumerate(lists):
            row, place = np.nonzero(given >= 0)
            rows.append(row)
            items.append(given[row, place].astype(np.int64))
            shares.append(shares_of(given, scores)[row, place])
            owners.append(np.full(len(row), owner))
        row, share = np.concatenate(rows), np.concatenate(shares)
        pairs, pair = np.unique(row * width + np.concatenate(items), return_inverse=True)
        starts = np.searchsorted(pairs, np.arange(n + 1) * width)
        column = np.arange(len(pairs)) - starts[pairs // max(1, width)]
        self.items = np.full((n, int(np.diff(starts).max(initial=0))), -1, dtype=np.int32)
        self.items[pairs // max(1, width), column] = pairs % max(1, width)
        self.worth = np.zeros((len(lists), *self.items.shape), dtype=np.float32)
        self.worth[np.concatenate(owners), row, column[pair]] = share

    def __call__(self, weights: Sequence[float], k: int) -> Lists:
        """The k best items of every query; equal sums are in order of item number."""
        counted = np.flatnonzero(weights)
        sums = np.tensordot(np.asarray(weights, dtype=np.float32)[counted], self.worth[counted], axes=1)
        sums[self.items < 0] = -np.inf
        positions, scores = top_k(sums, k)
        found = np.take_along_axis(self.items, np.maximum(positions, 0), axis=1) if self.items.size else positions
        return np.where(positions >= 0, found, np.int32(-1)), scores


def shares_of(items: NDArray[np.int32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32[n, k]: what each list gives its items, 1 in all; 0 where it has ended."""
    there = items >= 0
    counts = np.maximum(1, there.sum(axis=1, keepdims=True))
    given = np.where(there, scores, 0).astype(np.float64)
    centred = np.where(there, given - given.sum(axis=1, keepdims=True) / counts, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / counts)
    standard = centred / np.maximum(deviation, 1e-12) / TEMPERATURE
    standard -= standard.max(axis=1, keepdims=True, initial=0)
    raw = np.where(there, np.exp(standard), 0)
    return np.asarray(raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-300), dtype=np.float32)


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
            lists = [recommend(model, chosen, max(DEPTH, k), drop) for model in self.models]
            items[rows], scores[rows] = Blender(lists)(self.weights, k)
        return items, scores
