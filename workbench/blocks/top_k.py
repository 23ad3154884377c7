"""The k largest of every row, from the largest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Lists = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Items, from the best, -1 where a list ends, and their scores."""

GROUPS = 128
"""How many groups a row is cut into to find its contenders, and 8 k at least, lest two of the best k often meet."""

CROWD = 4
"""Times k: more contenders in a row mean that many are equal."""


def top_k(scores: NDArray[np.float32], k: int) -> Lists:
    """The k largest of each row, from the largest; equal ones by position; -1 where a row runs out (-inf).

    Every row is cut down to a few contenders first, among them all that tie for the last place; only these are
    sorted.

    Args:
        scores: float32[n, m], none NaN.
        k: length of the lists.

    Returns:
        Positions int32[n, k] and values float32[n, k].
    """
    n, m = scores.shape
    items = np.full((n, k), -1, dtype=np.int32)
    found = np.full((n, k), -np.inf, dtype=np.float32)
    contenders = _contenders(scores, min(k, m)) if m else np.zeros(0, dtype=np.int64)
    counts = np.diff(np.searchsorted(contenders, np.arange(n + 1) * m))
    # One row each, -inf behind its contenders; these stand in order of position, which a stable sort keeps.
    width = int(counts.max(initial=0))
    there = np.arange(width) < counts[:, None]
    positions = np.full((n, width), -1, dtype=np.int32)
    positions[there] = contenders % max(1, m)
    values = np.full((n, width), -np.inf, dtype=np.float32)
    values[there] = np.take(scores, contenders)
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    items[:, :width] = np.take_along_axis(positions, order, axis=1)
    found[:, :width] = np.take_along_axis(values, order, axis=1)
    return items, found


def _contenders(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Ascending flat positions of at most `CROWD` · k entries a row, the k best by `top_k`'s order among them.

    Entries of -inf are never contenders.
    """
    m = scores.shape[1]
    keep = scores >= _floor(scores, k)[:, None]
    contenders = np.flatnonzero(keep)
    counts = np.diff(np.searchsorted(contenders, np.arange(len(scores) + 1) * m))
    crowded = np.flatnonzero(counts > CROWD * k)
    if not len(crowded):
        return contenders
    # Mostly equal scores, such as the zeros of a model that knows little of a user: only the first of them count.
    rows = scores[crowded]
    last = np.partition(rows, m - k, axis=1)[:, m - k, None]
    above, tied = rows > last, rows == last
    places = k - np.count_nonzero(above, axis=1)
    keep[crowded] = above | (tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= places[:, None]))
    return np.flatnonzero(keep)


def _floor(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """float32[n]: a number for each row that at least k of its entries reach, -inf aside, and few more.

    The k-th largest of the maxima of groups does, and takes one quick pass. Each group has its entries far
    apart, since good items often stand together.
    """
    m = scores.shape[1]
    groups = min(m, max(GROUPS, 8 * k))
    largest = scores[:, :groups].copy()
    for start in range(groups, m, groups):
        more = scores[:, start : start + groups]
        np.maximum(largest[:, : more.shape[1]], more, out=largest[:, : more.shape[1]])
    largest.partition(groups - k, axis=1)
    return np.maximum(largest[:, groups - k], np.finfo(np.float32).min)
