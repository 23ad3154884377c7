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
        scores = histories @ self.weights_
        return np.asarray(scores if isinstance(scores, np.ndarray) else scores.toarray(), dtype=np.float32)


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
    n_items = queries.histories.shape[1]
    items = np.full((len(queries), k), -1, dtype=np.int32)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    known = (queries.users >= 0) & by_user
    size = max(1, BLOCK // max(1, n_items))
    for wanted, ask_user in ((known, True), (~known & by_history, False)):
        numbers = np.flatnonzero(wanted)
        for start in range(0, len(numbers), size):
            rows = numbers[start : start + size]
            raw = model.score(queries.users[rows]) if ask_user else model.score_histories(queries.histories[rows])
            block = _checked(model, raw, (len(rows), n_items))
            if exclude is not None:
                drop = exclude[rows]
                block[np.repeat(np.arange(len(rows)), np.diff(drop.indptr)), drop.indices] = -np.inf
            items[rows], scores[rows] = top_k(block, k)
    if np.isnan(scores).any():
        raise ModelError(f"{type(model).__name__} gives scores that are NaN")
    return items, scores


def top_k(scores: NDArray[np.float32], k: int) -> Lists:
    """The k largest of each row, from the largest; equal ones by position; -1 where a row runs out (-inf).

    Args:
        scores: float32[n, m].
        k: length of the lists.

    Returns:
        Positions int32[n, k] and values float32[n, k].
    """
    n, m = scores.shape
    width = min(k, m)
    if width < m:
        best = np.argpartition(scores, m - width, axis=1)[:, m - width :]
        values = np.take_along_axis(scores, best, axis=1)
        _settle_ties(scores, best, values)
        best.sort(axis=1)
    else:
        best = np.broadcast_to(np.arange(m), (n, m))
    values = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    items = np.full((n, k), -1, dtype=np.int32)
    found = np.full((n, k), -np.inf, dtype=np.float32)
    items[:, :width] = np.take_along_axis(best, order, axis=1)
    found[:, :width] = np.take_along_axis(values, order, axis=1)
    items[found == -np.inf] = -1
    return items, found


def _settle_ties(scores: NDArray[np.float32], best: NDArray[np.intp], values: NDArray[np.float32]) -> None:
    """Where several positions tie for the last places of a row, give these to the lowest positions."""
    last = values.min(axis=1)
    inside = (values == last[:, None]).sum(axis=1)
    everywhere = np.count_nonzero(scores == last[:, None], axis=1)
    for row in np.flatnonzero((everywhere > inside) & (last > -np.inf)):
        above = np.flatnonzero(scores[row] > last[row])
        tied = np.flatnonzero(scores[row] == last[row])
        best[row] = np.concatenate([above, tied[: best.shape[1] - len(above)]])


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
    """A float32 copy, so that a model may hand out a view of its own arrays."""
    if getattr(raw, "shape", None) != shape:
        given = getattr(raw, "shape", type(raw).__name__)
        raise ModelError(f"{type(model).__name__} gives scores of shape {given}; {shape} is needed")
    try:
        return np.array(raw, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{type(model).__name__} gives scores that are not numbers: {error}") from error
