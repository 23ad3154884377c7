"""Recommenders from scores: the two usual forms, and top-k lists in blocks of bounded memory.

A model for `recommend` answers in one or both of two ways:

- `score(users)`: int32[n], known users -> float32[n, n_items];
- `score_histories(histories)`: CSR[n, n_items], what each has taken -> float32[n, n_items]. Such a model
  answers for users it has never met.

It may instead define `recommend(queries, k, exclude)` whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.contract.model import Model
from workbench.errors import ModelError

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    Lists = tuple[NDArray[np.int32], NDArray[np.float32]]

BLOCK = 2**21
"""Scores held at a time: 8 MiB of float32, which a processor's cache still helps with."""

GROUPS = 128
"""How many groups a row is cut into to find its contenders, and 8 k at least, lest two of the best k often meet."""

CROWD = 4
"""Times k: more contenders in a row mean that many are equal."""


@dataclass(frozen=True)
class Queries:
    """Whom to recommend to.

    Args:
        users: int32[n], users' numbers, -1 for users the model has not met.
        histories: float32 CSR, n × n_items, what each has taken.
    """

    users: NDArray[np.int32]
    histories: sp.csr_array

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: NDArray[Any]) -> Queries:
        """The queries at these row numbers."""
        return Queries(self.users[rows], self.histories[rows])


class ItemWeights(Model):
    """A recommender whose scores are `histories @ weights_`; `fit` sets `weights_`, n_items × n_items."""

    weights_: Any

    def score_histories(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, n_items]."""
        scores = histories @ _quickest(self.weights_, histories.shape[0])
        return np.asarray(scores if isinstance(scores, np.ndarray) else scores.toarray(), dtype=np.float32)


def _quickest(weights: Any, histories: int) -> Any:
    """The weights in the form in which so many histories are multiplied soonest; the sums are the same.

    An entry of a sparse matrix costs some forty times one of a dense one, which must be written out first.
    """
    n_items = weights.shape[0]
    if isinstance(weights, np.ndarray) or n_items**2 > 2 * BLOCK or 4 * histories < n_items:
        return weights
    return weights.toarray() if 40 * weights.nnz > n_items**2 else weights


class Factors(Model):
    """A recommender whose scores are inner products with `item_factors_`, float32[n_items, factors].

    `fit` sets `item_factors_`, and `user_factors_` where users have factors of their own. `fold_in` gives
    the factors of a history.
    """

    item_factors_: NDArray[np.float32]

    def fold_in(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, factors]."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to fold a history in")

    def score_histories(self, histories: sp.csr_array) -> NDArray[np.float32]:
        """float32[n, n_items]."""
        return self.fold_in(histories) @ self.item_factors_.T


def recommend(model: Any, queries: Queries, k: int, exclude: sp.csr_array | None) -> Lists:
    """The k best items of each query.

    Args:
        model: fitted; see the head of this module for what it may define.
        queries: n of them.
        k: length of the lists.
        exclude: CSR, n × n_items, items not to recommend where nonzero; None for none.

    Returns:
        Items int32[n, k], from the best, -1 where none is left; scores float32[n, k], -inf there. Equal scores
        are in order of item number. Queries that the model cannot answer (unknown users of a model that only
        scores known ones) have no items.

    Raises:
        ModelError: scores of the wrong shape or type, or not numbers.
    """
    if callable(getattr(model, "recommend", None)):
        return _checked_lists(
            model, model.recommend(queries, k, exclude), (len(queries), k), queries.histories.shape[1]
        )
    by_user, by_history = (callable(getattr(model, name, None)) for name in ("score", "score_histories"))
    if not by_user and not by_history:
        raise ModelError(f"{type(model).__name__} defines neither score nor score_histories nor recommend")
    known = (queries.users >= 0) & by_user
    items = np.full((len(queries), k), -1, dtype=np.int32)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for wanted, ask_user in ((known, True), (~known & by_history, False)):
        rows = np.flatnonzero(wanted)
        if len(rows) == len(queries):
            return _by_scores(model, queries, ask_user, k, exclude)
        if not len(rows):
            continue
        drop = None if exclude is None else exclude[rows]
        items[rows], scores[rows] = _by_scores(model, queries.take(rows), ask_user, k, drop)
    return items, scores


def _by_scores(model: Any, queries: Queries, ask_user: bool, k: int, exclude: sp.csr_array | None) -> Lists:
    """`recommend` for queries that the model all scores in one way: by user, or else by history."""
    n, n_items = queries.histories.shape
    items = np.empty((n, k), dtype=np.int32)
    scores = np.empty((n, k), dtype=np.float32)
    size = max(1, BLOCK // max(1, n_items))
    for start in range(0, n, size):
        rows = slice(start, min(start + size, n))
        raw = model.score(queries.users[rows]) if ask_user else model.score_histories(queries.histories[rows])
        block = _checked(model, raw, (rows.stop - start, n_items))
        if exclude is not None:
            _drop(block, exclude, rows)
        # A maximum is NaN where any number is; that costs far less than asking each of them.
        if np.isnan(block.max(initial=-np.inf)):
            raise ModelError(f"{type(model).__name__} gives scores that are NaN")
        items[rows], scores[rows] = top_k(block, k)
    return items, scores


def _drop(block: NDArray[np.float32], exclude: sp.csr_array, rows: slice) -> None:
    """Set what these rows of `exclude` hold to -inf; `block` is in C order."""
    starts = exclude.indptr[rows.start : rows.stop + 1]
    owner = np.repeat(np.arange(len(block), dtype=np.int64) * block.shape[1], np.diff(starts))
    block.reshape(-1)[owner + exclude.indices[starts[0] : starts[-1]]] = -np.inf


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


def _checked_lists(model: Any, lists: Any, shape: tuple[int, int], n_items: int) -> Lists:
    """A model's own lists, which must be such as the metrics can trust."""
    given, given_scores = lists
    items, scores = np.asarray(given, dtype=np.int32), np.asarray(given_scores, dtype=np.float32)
    who = f"{type(model).__name__}.recommend gives"
    if items.shape != shape or scores.shape != shape:
        raise ModelError(f"{who} items of shape {items.shape} and scores of {scores.shape}; {shape} is needed")
    if np.isnan(scores).any():
        raise ModelError(f"{who} scores that are NaN")
    if ((items < -1) | (items >= n_items)).any():
        raise ModelError(f"{who} item numbers that are not from -1 to {n_items - 1}")
    ordered = np.sort(items, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise ModelError(f"{who} lists that hold an item twice")
    return items, scores


def _checked(model: Any, raw: Any, shape: tuple[int, int]) -> NDArray[np.float32]:
    """A float32 copy in C order, so that a model may hand out a view of its own arrays."""
    if getattr(raw, "shape", None) != shape:
        given = getattr(raw, "shape", type(raw).__name__)
        raise ModelError(f"{type(model).__name__} gives scores of shape {given}; {shape} is needed")
    try:
        return np.array(raw, dtype=np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise ModelError(f"{type(model).__name__} gives scores that are not numbers: {error}") from error
