"""Recommenders from scores: the two usual forms, and top-k lists in blocks of bounded memory.

A model for `recommend` answers in one or both of two ways:

- `score(users)`: int32[n], known users -> float32[n, n_items];
- `score_histories(histories)`: CSR[n, n_items], what each has taken -> float32[n, n_items]. Such a model
  answers for users it has never met.

It may instead define `recommend(queries, k, exclude)` whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.blocks.top_k import Lists, top_k
from workbench.contract.model import Model
from workbench.errors import ModelError

if TYPE_CHECKING:
    import scipy.sparse as sp


BLOCK = 2**21
"""Scores held at a time: 8 MiB of float32, which a processor's cache still helps with."""


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


def recommend(
    model: Any,
    queries: Queries,
    k: int,
    exclude: sp.csr_array | None,
    allowed: NDArray[np.bool_] | None = None,
) -> Lists:
    """The k best items of each query.

    Args:
        model: fitted; see the head of this module for what it may define.
        queries: n of them.
        k: length of the lists.
        exclude: CSR, n × n_items, items not to recommend where nonzero; None for none.
        allowed: bool[n_items], the only items to recommend; None for all.

    Returns:
        Items int32[n, k], from the best, -1 where none is left; scores float32[n, k], -inf there. Equal scores
        are in order of item number. Queries that the model cannot answer (unknown users of a model that only
        scores known ones) have no items.

    Raises:
        ModelError: scores of the wrong shape or type, or not numbers.
    """
    if callable(getattr(model, "recommend", None)):
        return _by_lists(model, queries, k, exclude, allowed)
    by_user, by_history = (callable(getattr(model, name, None)) for name in ("score", "score_histories"))
    if not by_user and not by_history:
        raise ModelError(f"{type(model).__name__} defines neither score nor score_histories nor recommend")
    known = (queries.users >= 0) & by_user
    items = np.full((len(queries), k), -1, dtype=np.int32)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for wanted, ask_user in ((known, True), (~known & by_history, False)):
        rows = np.flatnonzero(wanted)
        if len(rows) == len(queries):
            return _by_scores(model, queries, ask_user, k, exclude, allowed)
        if not len(rows):
            continue
        drop = None if exclude is None else exclude[rows]
        items[rows], scores[rows] = _by_scores(model, queries.take(rows), ask_user, k, drop, allowed)
    return items, scores


def longer_lists(
    ask: Callable[[NDArray[np.int64], int], Lists],
    accept: Callable[[NDArray[np.int32]], NDArray[np.bool_]],
    n: int,
    k: int,
    n_items: int,
) -> Lists:
    """n lists of k accepted items, out of lists that are asked for again, longer, until they hold enough.

    Args:
        ask: (row numbers, length) -> lists of these rows.
        accept: int32[rows, length] -> bool, which items stay; what it says of an item depends on those before it only.
        n: how many lists.
        k: their length.
        n_items: how many items there are, so that a list of that length is all there is.
    """
    items = np.full((n, k), -1, dtype=np.int32)
    scores = np.full((n, k), -np.inf, dtype=np.float32)
    rows, length = np.arange(n), min(k, n_items)
    while len(rows):
        found, values = ask(rows, length)
        stays = accept(found) & (found >= 0)
        order = np.argsort(~stays, axis=1, kind="stable")[:, :k]
        there = np.take_along_axis(stays, order, axis=1)
        width = order.shape[1]
        items[rows, :width] = np.where(there, np.take_along_axis(found, order, axis=1), -1)
        scores[rows, :width] = np.where(there, np.take_along_axis(values, order, axis=1), -np.inf)
        if length == n_items:
            break
        rows = rows[(stays.sum(axis=1) < k) & (found[:, -1] >= 0)]
        length = min(4 * length, n_items)
    return items, scores


def _by_lists(
    model: Any, queries: Queries, k: int, exclude: sp.csr_array | None, allowed: NDArray[np.bool_] | None
) -> Lists:
    """`recommend` by a model that makes its lists itself."""
    n_items = queries.histories.shape[1]

    def ask(rows: NDArray[np.int64], length: int) -> Lists:
        everyone = len(rows) == len(queries)
        some = queries if everyone else queries.take(rows)
        drop = exclude if everyone or exclude is None else exclude[rows]
        return _checked_lists(model, model.recommend(some, length, drop), (len(rows), length), n_items)

    if allowed is None:
        return ask(np.arange(len(queries)), k)
    return longer_lists(ask, lambda items: allowed[items], len(queries), k, n_items)


def _by_scores(
    model: Any,
    queries: Queries,
    ask_user: bool,
    k: int,
    exclude: sp.csr_array | None,
    allowed: NDArray[np.bool_] | None,
) -> Lists:
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
        if allowed is not None:
            block[:, ~allowed] = -np.inf
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
