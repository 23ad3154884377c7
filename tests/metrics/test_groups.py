"""Groups hold what they say they hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.contract.metric import Group
from workbench.metrics.groups import by_activity, by_popularity, thirds

known = st.lists(st.integers(0, 9), min_size=1, max_size=60)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40).filter(any))
def test_a_block_is_in_the_third_that_holds_its_middle(sizes: list[int]) -> None:
    total, before = sum(sizes), 0
    for size, third in zip(sizes, thirds(np.array(sizes)).tolist(), strict=True):
        middle = (before + size / 2) / total
        assert third == min(2, int(3 * middle + 1e-9))
        before += size


@given(known)
def test_every_user_is_in_the_one_group_whose_range_holds_them(counts: list[int]) -> None:
    values = np.arange(len(counts), dtype=np.float32)
    groups = by_activity("ndcg@10", values, np.array(counts))
    assert 1 <= len(groups) <= 3
    assert sum(group.count for group in groups) == len(counts)
    for group in groups:
        ends = [int(word) for word in group.name.removesuffix(" known").split(" to ")]
        own = [value for value, count in enumerate(counts) if ends[0] <= count <= ends[-1]]
        assert (group.by, group.metric, group.count) == ("users' activity", "ndcg@10", len(own))
        assert group.value == pytest.approx(sum(own) / len(own))


def test_users_are_cut_into_three_and_equal_ones_stay_together() -> None:
    counts = np.array([16, 20, 20, 20, 48, 49, 1200, 48, 50])
    groups = by_activity("hit@10", np.ones(9, np.float32), counts)
    assert [(group.name, group.count) for group in groups] == [
        ("16 to 20 known", 4), ("48 known", 2), ("49 to 1,200 known", 3),
    ]  # fmt: skip
    assert [group.name for group in by_activity("hit@10", np.ones(3, np.float32), np.full(3, 7))] == ["7 known"]


def test_items_are_cut_into_three_that_hold_a_third_of_what_is_known_each() -> None:
    popularity = np.array([2, 10, 2, 6, 4, 2, 2, 2, 0, 0])
    held_out = np.array([1, 5, 0, 2, 2, 0, 0, 0, 4, 0])
    found = np.array([0, 4, 0, 1, 0, 0, 0, 0, 1, 0])
    assert by_popularity("recall@10", popularity, found, held_out) == [
        Group("items' popularity", "the 1 most taken", "recall@10", 4 / 5, 5),
        Group("items' popularity", "the next 2", "recall@10", 1 / 4, 4),
        Group("items' popularity", "the other 7", "recall@10", 1 / 5, 5),
    ]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), min_size=1, max_size=40))
def test_groups_of_items_share_all_that_is_held_out(drawn: list[tuple[int, int]]) -> None:
    popularity, held_out = np.array(drawn).T
    groups = by_popularity("recall@10", popularity, held_out, held_out)
    if popularity.any():
        assert sum(group.count for group in groups) == held_out.sum()
    assert all(group.value == 1 and group.count > 0 for group in groups)


def test_one_item_is_all_of_them_and_nothing_known_is_no_group() -> None:
    assert [group.name for group in by_popularity("recall@10", np.array([3]), np.array([0]), np.array([2]))] == [
        "all items"
    ]
    assert by_popularity("recall@10", np.zeros(3, int), np.zeros(3, int), np.ones(3, int)) == []
