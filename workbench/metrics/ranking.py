"""Ranking metrics over top-k lists: full ranking, binary relevance.

Conventions (stated because the field's differ): a user's relevant items are their held-out ones; users with
none are left out of every mean; the item at rank r, from 1, is discounted by 1 / log2(r + 1); the ideal list
holds min(k, relevant) hits (Järvelin and Kekäläinen 2002). `docs/metrics.md` has every formula and its source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.contract.metric import NOT_NEGATIVE, SHARE, Evaluation, Metric
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
    "gini": "Gini index of how often each item stands in a top {k}: 0 all alike, 1 one item takes all",
    "novelty": "mean self-information of the items in the top {k}: bits, more where fewer users took them",
}
FAMILIES = tuple(_SUMMARIES)
_SMALLER_IS_BETTER = {"gini"}
_UNNUMBERED = 10
_LONGEST = 1000


def ranking_metric(name: str) -> Metric:
    """The metric of a name such as `"ndcg@10"`.

    Raises:
        SettingsError: no such metric, or k is not from 1 to 1000.
    """
    match = re.fullmatch(r"([a-z]+)@([1-9]\d{0,3})", name)
    if not match or match[1] not in _SUMMARIES or not 1 <= int(match[2]) <= _LONGEST:
        known = ", ".join(f"{family}@10" for family in _SUMMARIES)
        raise SettingsError(f"no metric {name!r}; choose from {known}, or another number after @")
    bounds = NOT_NEGATIVE if match[1] == "novelty" else SHARE
    return Metric(name, _SUMMARIES[match[1]].format(k=match[2]), match[1] not in _SMALLER_IS_BETTER, bounds)


def is_ranking_metric(name: str) -> bool:
    """Whether `ranking_metric` knows the name."""
    try:
        ranking_metric(name)
    except SettingsError:
        return False
    return True


def cutoff(names: Sequence[str]) -> int:
    """The longest list that these metrics look at: the largest number after an @, at most 1000.

    A name without a number, which can only be a plugin's metric, looks at 10.
    """
    numbers = [re.search(r"@([1-9]\d*)$", name) for name in names]
    return min(_LONGEST, max(int(number[1]) if number else _UNNUMBERED for number in numbers))


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
        name: such as `"ndcg@10"`; one that is computed from a user's hits.
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
            raise SettingsError(f"{name} is not computed from a user's hits")
    return np.asarray(values, dtype=np.float32)


def exposure(lists: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    """int64[n_items]: in how many lists each item stands.

    Args:
        lists: int32[n, k], item numbers, -1 where a list ends early.
        n_items: how many items there are.
    """
    return np.bincount(lists.ravel() + 1, minlength=n_items + 1)[1:]


def gini(counts: NDArray[np.int64]) -> float:
    """Gini index of how a total is shared: 0 where all shares are alike, 1 where one takes all.

    The form of Shani and Gunawardana (2011), divided by n - 1, so that 1 is reached.

    Args:
        counts: int64[n], not negative.
    """
    n, total = len(counts), int(counts.sum())
    if n < 2 or not total:
        return 0.0
    shares = np.sort(counts[counts > 0])  # the zeros come first and add nothing
    places = np.arange(n - len(shares) + 1, n + 1, dtype=np.float64)
    return float((2 * places - n - 1) @ shares / ((n - 1) * total))


def novelty(lists: NDArray[np.int32], popularity: NDArray[np.int64], n_users: int) -> NDArray[np.float32]:
    """float32[n]: the mean self-information of each list's items, in bits; 0 for an empty list.

    An item that c of the users are known to have taken has -log2(max(1, c) / users) (Zhou et al. 2010).

    Args:
        lists: int32[n, k], item numbers, -1 where a list ends early.
        popularity: int64[n_items], how many users are known to have taken each item.
        n_users: how many users there are, at least as many.
    """
    information = np.log2(n_users / np.maximum(1, popularity))
    shown = lists >= 0
    total = np.where(shown, information[lists], 0).sum(axis=1)
    return np.asarray(total / np.maximum(1, shown.sum(axis=1)), dtype=np.float32)


def evaluate_lists(
    lists: NDArray[np.int32],
    relevant: sp.csr_array,
    names: Sequence[str],
    users: NDArray[np.int64],
    popularity: NDArray[np.int64],
    n_users: int,
) -> Evaluation:
    """Every named metric of top-k lists.

    Args:
        lists: int32[n, k], one for every user with a relevant item.
        relevant: CSR, n × items, at least one entry a row.
        names: such as `["ndcg@10", "coverage@10"]`.
        users: int64[n], the users' numbers.
        popularity: int64[n_items], how many users are known to have taken each item.
        n_users: how many users there are, those without a list included.
    """
    hits = hits_in(lists, relevant)
    n_relevant = np.diff(relevant.indptr).astype(np.int64)
    metrics, per_example = {}, {}
    for name in names:
        family, _, k = name.partition("@")
        if family in ("coverage", "gini"):
            counts = exposure(lists[:, : int(k)], len(popularity))
            metrics[name] = gini(counts) if family == "gini" else float((counts > 0).mean())
            continue
        if family == "novelty":
            per_example[name] = novelty(lists[:, : int(k)], popularity, n_users)
        else:
            per_example[name] = per_user(name, hits, n_relevant)
        metrics[name] = float(per_example[name].mean(dtype=np.float64))
    return Evaluation(metrics, per_example, users)
