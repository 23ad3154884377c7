"""Ranking metrics agree with their definitions, written out in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import SettingsError
from workbench.metrics.ranking import (
    cutoff,
    evaluate_lists,
    exposure,
    gini,
    hits_in,
    is_ranking_metric,
    novelty,
    per_user,
    ranking_metric,
)

N_ITEMS, N_USERS = 12, 40
NOBODY = np.zeros(N_ITEMS, np.int64)
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
    found = evaluate_lists(lists, relevant, names, numbers, NOBODY, N_USERS)
    assert found.example_ids is numbers
    for name in names:
        family, _, k = name.partition("@")
        expected = [reference(family, int(k), shown, held) for shown, held in drawn]
        assert found.per_example[name].tolist() == pytest.approx(expected, abs=1e-6)
        assert found.metrics[name] == pytest.approx(sum(expected) / len(expected), abs=1e-6)


@given(users, st.integers(1, 15))
def test_coverage_is_the_share_of_items_shown(drawn: list[tuple[list[int], set[int]]], k: int) -> None:
    lists, relevant = arrays(drawn, 15)
    found = evaluate_lists(lists, relevant, [f"coverage@{k}"], np.arange(len(drawn)), NOBODY, N_USERS)
    assert found.metrics[f"coverage@{k}"] == len({item for shown, _ in drawn for item in shown[:k]}) / N_ITEMS
    assert not found.per_example


def gini_by_pairs(counts: list[int]) -> float:
    """Half the mean difference between two different places, over the mean; from the definition."""
    n, total = len(counts), sum(counts)
    if n < 2 or not total:
        return 0.0
    differences = sum(abs(a - b) for a in counts for b in counts) / (n * (n - 1))
    return differences / (2 * total / n)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_gini_is_the_mean_difference_between_items(counts: list[int]) -> None:
    found = gini(np.array(counts, np.int64))
    assert found == pytest.approx(gini_by_pairs(counts), abs=1e-12)
    assert -1e-12 <= found <= 1 + 1e-12
    assert found == pytest.approx(gini(np.array(counts[::-1], np.int64) * 3)), "neither order nor scale matters"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([0, 0, 0, 9], 1.0),
        ([5, 5, 5, 5], 0.0),
        ([0, 0, 5, 5], 2 / 3),
        ([1, 2, 3], 1 / 3),
        ([7], 0.0),
        ([0, 0], 0.0),
    ],
)
def test_gini_goes_from_all_alike_to_one_takes_all(counts: list[int], expected: float) -> None:
    assert gini(np.array(counts, np.int64)) == pytest.approx(expected)


@given(users, st.integers(1, 15))
def test_gini_of_lists_is_that_of_how_often_items_are_shown(drawn: list[tuple[list[int], set[int]]], k: int) -> None:
    lists, relevant = arrays(drawn, 15)
    counts = [sum(item in shown[:k] for shown, _ in drawn) for item in range(N_ITEMS)]
    assert exposure(lists[:, :k], N_ITEMS).tolist() == counts
    found = evaluate_lists(lists, relevant, [f"gini@{k}"], np.arange(len(drawn)), NOBODY, N_USERS)
    assert found.metrics[f"gini@{k}"] == pytest.approx(gini_by_pairs(counts), abs=1e-12)
    assert not found.per_example


popularities = st.lists(st.integers(0, N_USERS), min_size=N_ITEMS, max_size=N_ITEMS)


@given(users, popularities, st.integers(1, 15))
def test_novelty_is_the_mean_self_information_of_what_is_shown(
    drawn: list[tuple[list[int], set[int]]], popularity: list[int], k: int
) -> None:
    lists, relevant = arrays(drawn, 15)
    expected = []
    for shown, _ in drawn:
        information = [-math.log2(max(1, popularity[item]) / N_USERS) for item in shown[:k]]
        expected.append(sum(information) / len(information) if information else 0.0)
    name, taken = f"novelty@{k}", np.array(popularity)
    found = evaluate_lists(lists, relevant, [name], np.arange(len(drawn)), taken, N_USERS)
    assert found.per_example[name].tolist() == pytest.approx(expected, abs=1e-6)
    assert found.metrics[name] == pytest.approx(sum(expected) / len(expected), abs=1e-6)


def test_novelty_of_tiny_lists() -> None:
    lists = np.array([[0, 1], [2, -1], [-1, -1]], dtype=np.int32)
    taken = np.array([8, 2, 0])  # of eight users: 0 bits, 2 bits, and as if one had taken it: 3 bits
    assert novelty(lists, taken, 8).tolist() == [1.0, 3.0, 0.0]


@given(users)
def test_hits_are_where_lists_hold_relevant_items(drawn: list[tuple[list[int], set[int]]]) -> None:
    lists, relevant = arrays(drawn, N_ITEMS)
    expected = [[item in held for item in shown] + [False] * (N_ITEMS - len(shown)) for shown, held in drawn]
    assert hits_in(lists, relevant).tolist() == expected


def test_lists_may_be_shorter_than_the_cutoff() -> None:
    lists, relevant = np.array([[3, 1]], dtype=np.int32), sp.csr_array(np.eye(1, 4, k=1))
    names = ["ndcg@10", "precision@10", "mrr@10"]
    found = evaluate_lists(lists, relevant, names, np.zeros(1, np.int64), NOBODY[:4], N_USERS)
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
    assert not ranking_metric("gini@5").larger_is_better


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ndcg@10", "recall@200", "hit@1"], 200),
        (["ndcg@5", "surprise"], 10),
        (["ndcg@5", "acme:surprise@30"], 30),
        (["surprise@1000000", "surprise@zero", "surprise@0"], 1000),
    ],
)
def test_lists_are_as_long_as_the_longest_metric_looks(names: list[str], expected: int) -> None:
    assert cutoff(names) == expected


def test_it_is_known_which_names_are_ranking_metrics() -> None:
    assert [is_ranking_metric(name) for name in ("map@3", "gini@10", "map@0", "surprise@3")] == [
        True,
        True,
        False,
        False,
    ]


def test_coverage_is_no_matter_of_one_users_hits() -> None:
    with pytest.raises(SettingsError, match="coverage@10 is not computed from a user's hits"):
        per_user("coverage@10", np.zeros((1, 10), bool), np.ones(1, np.int64))
