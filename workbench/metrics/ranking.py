"""Ranking metrics over top-k lists: full ranking, binary relevance.

Conventions (stated because the field's differ): a user's relevant items are their held-out ones; users with
none are left out of every mean; the item at rank r, from 1, is discounted by 1 / log2(r + 1); the ideal list
holds min(k, relevant) hits (Järvelin and Kekäläinen 2002).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.contract.metric import Evaluation, Metric
from workbench.errors import SettingsError

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

_SUMMARIES = {
    "ndcg": "discounted gain of the hits in the top {k}, over that of the ideal list",
    "recall": "hits in the top {k} / relevant items",
    "precision": "hits in the top {k} / {k}",
    "hit": "1 if the top {k} holds a hit, else 0",
    "map": "mean of the precision at each hit's rank, over min({k}, relevant)",
    "mrr": "1 / rank of the first hit in the top {k}, else 0",
    "coverage": "share of all items that stand in at least one top {k}",
}


def ranking_metric(name: str) -> Metric:
    """The metric of a name such as `"ndcg@10"`.

    Raises:
        SettingsError: no such metric, or k is not from 1 to 1000.
    """
    match = re.fullmatch(r"([a-z]+)@([1-9]\d{0,3})", name)
    if not match or match[1] not in _SUMMARIES or not 1 <= int(match[2]) <= 1000:
        known = ", ".join(f"{family}@10" for family in _SUMMARIES)
        raise SettingsError(f"no metric {name!r}; choose from {known}, or another number after @")
    return Metric(name, _SUMMARIES[match[1]].format(k=match[2]))


def cutoff(names: Sequence[str]) -> int:
    """The longest list that these metrics look at."""
    return max(int(name.partition("@")[2]) for name in names)


def hits_in(lists: NDArray[np.int32], relevant: sp.csr_array) -> NDArray[np.bool_]:
    """bool[n, k]: where each list holds a relevant item.

    Args:
        lists: int32[n, k], item numbers from the best, -1 where a list ends early.
        relevant: CSR, n × items, nonzero where relevant, indices sorted.
    """
    n, k = lists.shape
    width = np.int64(relevant.shape[1] + 1)
    rows = np.repeat(np.arange(n, dtype=np.int64), np.diff(relevant.indptr))
    truth = rows * width + relevant.indices
    asked = (np.arange(n, dtype=np.int64)[:, None] * width + lists).ravel()
    if not len(truth):
        return np.zeros((n, k), dtype=bool)
    at = np.minimum(np.searchsorted(truth, asked), len(truth) - 1)
    return np.asarray((truth[at] == asked) & (lists.ravel() >= 0)).reshape(n, k)


def per_user(name: str, hits: NDArray[np.bool_], n_relevant: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32[n]: one metric for every user.

    Args:
        name: such as `"ndcg@10"`; not coverage, which is no mean over users.
        hits: bool[n, at least k].
        n_relevant: int64[n], all above 0.
    """
    family, _, digits = name.partition("@")
    k = int(digits)
    hits = hits[:, :k]
    ranks = np.arange(1, hits.shape[1] + 1)
    found = hits.sum(axis=1)
    match family:
        case "ndcg":
            discounts = 1 / np.log2(np.arange(2, k + 2))
            ideal = np.cumsum(discounts)[np.minimum(n_relevant, k) - 1]
            values = hits @ discounts[: hits.shape[1]] / ideal
        case "recall":
            values = found / n_relevant
        case "precision":
            values = found / k
        case "hit":
            values = found > 0
        case "map":
            values = (np.cumsum(hits, axis=1) / ranks * hits).sum(axis=1) / np.minimum(n_relevant, k)
        case "mrr":
            values = (hits / ranks).max(axis=1, initial=0)
        case _:
            raise SettingsError(f"{name} is no mean over users")
    return np.asarray(values, dtype=np.float32)


def evaluate_lists(
    lists: NDArray[np.int32], relevant: sp.csr_array, names: Sequence[str], users: NDArray[np.int64]
) -> Evaluation:
    """Every named metric of top-k lists.

    Args:
        lists: int32[n, k], one for every user with a relevant item.
        relevant: CSR, n × items, at least one entry a row.
        names: such as `["ndcg@10", "coverage@10"]`.
        users: int64[n], the users' numbers.
    """
    hits = hits_in(lists, relevant)
    n_relevant = np.diff(relevant.indptr).astype(np.int64)
    metrics, per_example = {}, {}
    for name in names:
        family, _, k = name.partition("@")
        if family == "coverage":
            shown = np.unique(lists[:, : int(k)])
            metrics[name] = float((shown >= 0).sum() / relevant.shape[1])
        else:
            per_example[name] = per_user(name, hits, n_relevant)
            metrics[name] = float(per_example[name].mean(dtype=np.float64))
    return Evaluation(metrics, per_example, users)
