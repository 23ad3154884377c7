"""Lists of several models made one: what each model gives an item is added up.

The scores of different models have different scales. So each list is standardised by itself, mean 0 and deviation
1, and an item is given the softmax of half of that: what stands high in a list counts, and its tail, which is cut
off somewhere, hardly does. On validation parts of two data sets that gave more than the standardised scores
themselves, ranges from 0 to 1, or ranks by discount or reciprocal.

Shares are whole numbers of small units, so that sums are exact: equal ones are equal in whatever order they were
added, and lists are the same whether they are blended in blocks or whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.blocks.recommend import Queries, recommend
from workbench.blocks.top_k import Lists

if TYPE_CHECKING:
    import scipy.sparse as sp

DEPTH = 200
"""How far down lists are read, at least."""

TEMPERATURE = 2.0

MOST = float(np.finfo(np.float32).max)
"""In place of scores that are infinite."""

WHOLE = 2**25
"""Units of one list's shares in all; a sum of lists with weights below 64 in all fits 32 bits."""

SHARE_BITS = 26
OWNER_BITS = 5
"""Of a number that holds an item, one of at most 32 lists, and a share; the item has the other 32."""

BLOCK = 2048
"""Lists blended at a time: some 200 MB with eight models, and no fewer than weights are compared on."""


class Blender:
    """Lists of several models for the same queries, lined up once, so that they can be added up under any weights.

    Args:
        lists: of each model, at most 32, items int32[n, depth] from the best, -1 where a list ends early, and scores
            float32[n, depth].
        k: how many items are wanted.
    """

    def __init__(self, lists: Sequence[Lists], k: int) -> None:
        self.n, self.k = len(lists[0][0]), k
        # Item, list and share in one number: one sort brings together what the lists give an item.
        packed = [
            (items.astype(np.int64) << OWNER_BITS | owner) << SHARE_BITS | shares_of(items, scores)
            for owner, (items, scores) in enumerate(lists)
        ]
        ordered = np.sort(np.concatenate(packed, axis=1), axis=1)
        there = ordered >= 0
        found, rows = ordered[there], np.repeat(np.arange(self.n), there.sum(axis=1))
        items, shares = found >> (OWNER_BITS + SHARE_BITS), found & (2**SHARE_BITS - 1)
        new = np.append(True, (np.diff(items) != 0) | (np.diff(rows) != 0))[: len(found)]
        starts = np.flatnonzero(new)
        stays = self._worthwhile(rows[starts], shares, starts, len(lists))
        self.rows, self.items = rows[starts][stays], items[starts][stays]
        chosen = np.flatnonzero(np.repeat(stays, np.diff(starts, append=len(found))))
        owner = found[chosen] >> SHARE_BITS & (2**OWNER_BITS - 1)
        # A column for each pair of a query and an item, in that order; of each list, what it gives.
        self.shares = np.zeros((len(lists), len(self.items)), dtype=np.int32)
        self.shares[owner, np.cumsum(new[chosen]) - 1] = shares[chosen]
        self.places, self.width = _places(self.rows, self.n)

    def _worthwhile(
        self, rows: NDArray[np.int64], shares: NDArray[np.int64], starts: NDArray[np.int64], n_lists: int
    ) -> NDArray[np.bool_]:
        """Which pairs some weights may bring among the best k: not if k others have more in each list than it in any.

        Args:
            rows: of each pair, its query.
            shares: what lists give, pair by pair.
            starts: where each pair's shares start.
            n_lists: how many lists there are.
        """
        places, width = _places(rows, self.n)
        if width <= self.k:
            return np.ones(len(rows), dtype=bool)
        in_all = np.diff(starts, append=len(shares)) == n_lists
        least = np.zeros(self.n * width, dtype=np.int64)
        least[places] = np.where(in_all, np.minimum.reduceat(shares, starts), 0)
        bar = np.partition(least.reshape(self.n, width), width - self.k, axis=1)[:, width - self.k]
        return np.asarray(np.maximum.reduceat(shares, starts) >= bar[rows])

    def __call__(self, weights: Sequence[int]) -> Lists:
        """The k best items of every query; equal sums are in order of item number.

        Args:
            weights: of each model, below 64 in all; items that only models of weight 0 have given are left out.
        """
        sums = np.zeros(len(self.items), dtype=np.int32)
        for weight, shares in zip(weights, self.shares, strict=True):
            if weight:
                sums += np.int32(weight) * shares
        # The largest sum first, and of equal ones the lowest item, all in one number as above; 0 where there is none.
        ordered = np.zeros((self.n, self.width), dtype=np.int64)
        ordered.reshape(-1)[self.places] = np.where(sums > 0, -(sums.astype(np.int64) << 32) | self.items, 0)
        if self.width > self.k:
            ordered.partition(self.k - 1, axis=1)
        best = np.sort(ordered[:, : self.k], axis=1)
        items = np.full((self.n, self.k), -1, dtype=np.int32)
        scores = np.full((self.n, self.k), -np.inf, dtype=np.float32)
        there, width = best < 0, best.shape[1]
        items[:, :width][there] = best[there] & 0xFFFFFFFF
        scores[:, :width][there] = -(best[there] >> 32) / WHOLE
        return items, scores


def _places(rows: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], int]:
    """Where each of these entries, in order of row, stands in a flat table of n rows, and how wide that is."""
    counts = np.bincount(rows, minlength=n)
    width = int(counts.max(initial=0))
    starts = np.cumsum(counts) - counts
    return np.arange(len(rows)) + (np.arange(n) * width - starts)[rows], width


def blender(lists: Sequence[Lists], k: int) -> Callable[[Sequence[int]], Lists]:
    """As a `Blender`; where there are more lists than are held at once, they are lined up whenever it is asked."""
    n = len(lists[0][0])
    if n <= BLOCK:
        return Blender(lists, k)

    def ask(weights: Sequence[int]) -> Lists:
        counted = [(own, weight) for own, weight in zip(lists, weights, strict=True) if weight]
        parts = []
        for start in range(0, n, BLOCK):
            rows = slice(start, start + BLOCK)
            block = Blender([(items[rows], scores[rows]) for (items, scores), _ in counted], k)
            parts.append(block([weight for _, weight in counted]))
        return np.concatenate([items for items, _ in parts]), np.concatenate([scores for _, scores in parts])

    return ask


def shares_of(items: NDArray[np.int32], scores: NDArray[np.float32]) -> NDArray[np.int32]:
    """int32[n, k]: what each list gives its items, `WHOLE` in all and 1 at least; 0 where it has ended."""
    there = items >= 0
    counts = np.maximum(1, there.sum(axis=1, keepdims=True))
    given = np.where(there, np.clip(scores.astype(np.float64), -MOST, MOST), 0)
    centred = np.where(there, given - given.sum(axis=1, keepdims=True) / counts, 0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / counts)
    standard = centred / np.maximum(deviation, 1e-12) / TEMPERATURE
    standard -= standard.max(axis=1, keepdims=True, initial=0)
    raw = np.where(there, np.exp(standard), 0)
    units = np.rint(raw * (WHOLE / np.maximum(raw.sum(axis=1, keepdims=True), 1e-300)))
    return np.where(there, np.maximum(1, units), 0).astype(np.int32)


class Ensemble:
    """Fitted models that answer together.

    Args:
        models: recommenders of any form.
        weights: of each, whole numbers.
    """

    def __init__(self, models: Sequence[Any], weights: Sequence[int]) -> None:
        self.models, self.weights = tuple(models), tuple(weights)

    def recommend(self, queries: Queries, k: int, exclude: sp.csr_array | None) -> Lists:
        """The k best items of each query: int32[n, k] and float32[n, k]. Who knows nothing of a query adds nothing."""
        items = np.full((len(queries), k), -1, dtype=np.int32)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for start in range(0, len(queries), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(queries)))
            chosen, drop = queries.take(rows), None if exclude is None else exclude[rows]
            lists = [recommend(model, chosen, max(DEPTH, k), drop) for model in self.models]
            items[rows], scores[rows] = Blender(lists, k)(self.weights)
        return items, scores
