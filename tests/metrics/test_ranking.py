"""Ranking metrics agree with their definitions, written out in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import SettingsError
from workbench.metrics.ranking import cutoff, evaluate_lists, hits_in, per_user, ranking_metric

N_ITEMS = 12
FAMILIES = ("ndcg", "recall", "precision", "hit", "map", "mrr")


def reference(family: str, k: int, shown: list[int], relevant: set[int]) -> float:
    """One user's metric, from the definition; `shown` without padding."""
    hits = [rank for rank, item in enumerate(shown[:k], 1) if item in relevant]
    match family:
        case "ndcg":
            ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(relevant)) + 1))
            return sum(1 / math.log2(rank + 1) for rank in hits) / ideal
        case "recall":
            return len(hits) / len(relevant)
        case "precision":
            return len(hits) / k
        case "hit":
            return float(bool(hits))
        case "map":
            precisions = [nth / rank for nth, rank in enumerate(hits, 1)]
            return sum(precisions) / min(k, len(relevant))
        case "mrr":
            return 1 / hits[0] if hits else 0.0
    raise AssertionError(family)


ranked = st.permutations(range(N_ITEMS)).flatmap(lambda items: st.integers(0, N_ITEMS).map(lambda n: items[:n]))
held_out = st.sets(st.integers(0, N_ITEMS - 1), min_size=1)
users = st.lists(st.tuples(ranked, held_out), min_size=1, max_size=6)


def arrays(drawn: list[tuple[list[int], set[int]]], width: int) -> tuple[np.ndarray, sp.csr_array]:
    lists = np.full((len(drawn), width), -1, dtype=np.int32)
    relevant = np.zeros((len(drawn), N_ITEMS), dtype=np.float32)
    for row, (shown, held) in enumerate(drawn):
        lists[row, : len(shown[:width])] = shown[:width]
        relevant[row, sorted(held)] = 1
    return lists, sp.csr_array(relevant)


@given(users, st.lists(st.integers(1, 15), min_size=1, max_size=3))
def test_every_metric_is_the_mean_of_its_definition(drawn: list[tuple[list[int], set[int]]], ks: list[int]) -> None:
    names = [f"{family}@{k}" for family in FAMILIES for k in ks]
    lists, relevant = arrays(drawn, max(ks))
    numbers = np.arange(len(drawn)) * 7
    found = evaluate_lists(lists, relevant, names, numbers)
    assert found.example_ids is numbers
    for name in names:
        family, _, k = name.partition("@")
        expected = [reference(family, int(k), shown, held) for shown, held in drawn]
        assert found.per_example[name].tolist() == pytest.approx(expected, abs=1e-6)
        assert found.metrics[name] == pytest.approx(sum(expected) / len(expected), abs=1e-6)


@given(users, st.integers(1, 15))
def test_coverage_is_the_share_of_items_shown(drawn: list[tuple[list[int], set[int]]], k: int) -> None:
    lists, relevant = arrays(drawn, 15)
    found = evaluate_lists(lists, relevant, [f"coverage@{k}"], np.arange(len(drawn)))
    assert found.metrics[f"coverage@{k}"] == len({item for shown, _ in drawn for item in shown[:k]}) / N_ITEMS
    assert not found.per_example


@given(users)
def test_hits_are_where_lists_hold_relevant_items(drawn: list[tuple[list[int], set[int]]]) -> None:
    lists, relevant = arrays(drawn, N_ITEMS)
    expected = [[item in held for item in shown] + [False] * (N_ITEMS - len(shown)) for shown, held in drawn]
    assert hits_in(lists, relevant).tolist() == expected


def test_lists_may_be_shorter_than_the_cutoff() -> None:
    lists, relevant = np.array([[3, 1]], dtype=np.int32), sp.csr_array(np.eye(1, 4, k=1))
    found = evaluate_lists(lists, relevant, ["ndcg@10", "precision@10", "mrr@10"], np.zeros(1, np.int64))
    assert found.metrics == pytest.approx({"ndcg@10": 1 / math.log2(3), "precision@10": 0.1, "mrr@10": 0.5})


def test_nothing_relevant_is_never_hit() -> None:
    assert not hits_in(np.zeros((2, 3), np.int32), sp.csr_array((2, 4))).any()


@pytest.mark.parametrize("name", ["ndcg", "ndcg@", "ndcg@0", "ndcg@1001", "ndcg@-1", "auc@10", "NDCG@10", "ndcg@1.5"])
def test_a_metric_that_is_none_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ranking_metric(name)
    assert str(caught.value).startswith(f"no metric {name!r}; choose from ndcg@10, recall@10")


def test_a_metric_says_how_it_is_computed() -> None:
    metric = ranking_metric("recall@20")
    assert (metric.name, metric.summary) == ("recall@20", "hits in the top 20 / relevant items")
    assert metric.larger_is_better
    assert cutoff(["ndcg@10", "recall@200", "hit@1"]) == 200


def test_coverage_is_no_mean_over_users() -> None:
    with pytest.raises(SettingsError, match="coverage@10 is no mean over users"):
        per_user("coverage@10", np.zeros((1, 10), bool), np.ones(1, np.int64))
