"""Splits: disjoint, complete, reproducible, and in the order of time where they say so."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.strategies import datasets
from workbench.contract.report import DataReport
from workbench.contract.split import Dataset, Split
from workbench.data.interactions import Interactions
from workbench.data.splits import STRATEGIES, fold_valid, resample_valid, split_interactions
from workbench.errors import DataError, UnknownName

strategies = st.sampled_from(sorted(STRATEGIES))


def pairs(*parts: Interactions) -> list[tuple[int, int, float]]:
    return sorted(
        row
        for part in parts
        for row in zip(part.users.tolist(), part.items.tolist(), part.values.tolist(), strict=True)
    )


def equal(first: Interactions, second: Interactions) -> bool:
    return pairs(first) == pairs(second)


def made(times: list[tuple[int, int]], test: Interactions | None = None) -> Dataset[Interactions]:
    """One dataset of (user, time) rows; each row has an item of its own."""
    rows = sorted((user, item, time) for item, (user, time) in enumerate(times))
    users, items, stamps = (np.array(column) for column in zip(*rows, strict=True))
    data = Interactions(
        users.astype(np.int32),
        items.astype(np.int32),
        np.ones(len(rows), np.float32),
        stamps,
        max(users) + 1,
        len(rows),
    )
    return Dataset("made.csv", data, test, None, "", DataReport(""))


def try_split(dataset: Dataset[Interactions], strategy: str | None, seed: int = 0) -> Split[Interactions]:
    return split_interactions(dataset, strategy, seed)


@given(datasets(), strategies, st.integers(0, 100))
def test_parts_are_disjoint_and_complete(dataset: Dataset[Interactions], strategy: str, seed: int) -> None:
    split = try_split(dataset, strategy, seed)
    assert pairs(split.train, split.valid, split.test) == pairs(dataset.data)
    assert pairs(split.train, split.valid) == pairs(split.train_valid)
    assert split.valid.known is split.train
    assert split.test.known is split.train_valid
    assert len(split.train)
    assert len(split.valid)
    assert len(split.test)


@given(datasets(), strategies, st.integers(0, 100), st.integers(1, 4))
def test_equal_seeds_give_equal_splits(dataset: Dataset[Interactions], strategy: str, seed: int, draw: int) -> None:
    first, second = try_split(dataset, strategy, seed), try_split(dataset, strategy, seed)
    assert first.identity == second.identity
    assert equal(first.test, second.test)
    assert equal(first.valid, second.valid)
    for one, other in zip(resample_valid(first, draw, seed), resample_valid(second, draw, seed), strict=True):
        assert equal(one, other)


@given(datasets(), st.sampled_from(["user-time", "user-random"]))
def test_a_user_gives_a_tenth_at_least_one_and_keeps_one(dataset: Dataset[Interactions], strategy: str) -> None:
    split = try_split(dataset, strategy)
    for whole, held in ((dataset.data, split.test), (split.train_valid, split.valid)):
        counts = np.bincount(whole.users, minlength=whole.n_users)
        expected = [0 if count < 2 else max(1, count // 10) for count in counts.tolist()]
        assert np.bincount(held.users, minlength=whole.n_users).tolist() == expected


@given(datasets())
def test_user_time_never_puts_a_row_before_an_earlier_part(dataset: Dataset[Interactions]) -> None:
    split = try_split(dataset, "user-time")
    parts = [part for part in (split.train, split.valid, split.test) if part.timestamps is not None]
    for user in range(dataset.data.n_users):
        times = [part.timestamps[part.users == user] for part in parts if part.timestamps is not None]
        for earlier, later in pairwise(times):
            assert not len(earlier) or not len(later) or earlier.max() <= later.min()


@given(datasets())
def test_global_time_cuts_all_at_one_time(dataset: Dataset[Interactions]) -> None:
    split = try_split(dataset, "global-time")
    train, valid, test = (part.timestamps for part in (split.train, split.valid, split.test))
    assert train is not None
    assert valid is not None
    assert test is not None
    assert train.max() <= valid.min()
    assert valid.max() <= test.min()
    assert len(test) == max(1, len(dataset.data) // 10)


@given(datasets(), strategies, st.integers(1, 4))
def test_resampled_valid_comes_from_train_and_valid_alone(
    dataset: Dataset[Interactions], strategy: str, draw: int
) -> None:
    split = try_split(dataset, strategy)
    train, valid = resample_valid(split, draw, seed=0)
    assert valid.known is train
    assert not set(pairs(train)) & set(pairs(valid))
    assert set(pairs(train, valid)) <= set(pairs(split.train_valid))
    if strategy == "user-random":
        assert pairs(train, valid) == pairs(split.train_valid)
        assert np.array_equal(np.bincount(valid.users), np.bincount(split.valid.users))


@given(datasets(), st.sampled_from(["user-time", "global-time"]), st.integers(1, 4))
def test_resampling_by_time_never_looks_ahead(dataset: Dataset[Interactions], strategy: str, draw: int) -> None:
    train, valid = resample_valid(try_split(dataset, strategy), draw, seed=0)
    assert train.timestamps is not None
    assert valid.timestamps is not None
    for user in np.unique(valid.users) if strategy == "user-time" else [None]:
        before = train.timestamps if user is None else train.timestamps[train.users == user]
        after = valid.timestamps if user is None else valid.timestamps[valid.users == user]
        assert not len(before) or not len(after) or before.max() <= after.min()


def test_resampling_by_time_moves_the_window_back_by_half_its_length() -> None:
    split = try_split(made([(0, time) for time in range(50)]), "user-time")
    assert split.test.items.tolist() == [45, 46, 47, 48, 49]
    assert split.valid.items.tolist() == [41, 42, 43, 44]
    windows = [resample_valid(split, draw, seed=0) for draw in (1, 2, 3)]
    assert [valid.items.tolist() for _, valid in windows] == [[39, 40, 41, 42], [37, 38, 39, 40], [35, 36, 37, 38]]
    assert [train.items.max() for train, _ in windows] == [38, 36, 34]


def test_random_draws_and_seeds_differ() -> None:
    dataset = made([(user, 0) for user in range(4) for _ in range(30)])
    split = try_split(dataset, "user-random", seed=1)
    valids = [split.valid, *(resample_valid(split, draw, seed=1)[1] for draw in (1, 2))]
    assert len({tuple(pairs(valid)) for valid in valids}) == 3
    assert not equal(split.test, try_split(dataset, "user-random", seed=2).test)
    assert split.identity != try_split(dataset, "user-random", seed=2).identity


def test_the_strategy_follows_from_the_data() -> None:
    dataset = made([(0, time) for time in range(10)])
    assert try_split(dataset, None).strategy == "user-time"
    untimed = Interactions(*(getattr(dataset.data, name) for name in ("users", "items", "values")), None, 1, 10)
    assert try_split(Dataset("r.csv", untimed, None, None, "", DataReport("")), None).strategy == "user-random"
    with pytest.raises(DataError, match=r"^r\.csv has no times, which --split user-time needs; .*user-random$"):
        try_split(Dataset("r.csv", untimed, None, None, "", DataReport("")), "user-time")


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(DataError, match=r"^made\.csv has too few interactions to split: users need three or more$"):
        try_split(made([(0, 1), (0, 2), (1, 5)]), "user-time")
    with pytest.raises(UnknownName, match="no split 'user-tme'; did you mean 'user-time'"):
        try_split(made([(0, 1)]), "user-tme")


def test_a_fixed_test_part_stays_whole() -> None:
    data = made([(0, time) for time in range(20)])
    after = made([(0, time) for time in range(30, 34)]).data
    test = Interactions(after.users, after.items + 5, after.values, after.timestamps, 1, 20)
    split = try_split(Dataset("r.csv", data.data, test, None, "", DataReport("")), None)
    assert split.strategy == "fixed+user-time"
    assert equal(split.test, test)
    assert equal(split.train_valid, data.data)
    assert split.valid.items.tolist() == [18, 19]
    assert resample_valid(split, 2, seed=0)[1].items.tolist() == [16, 17]
    assert split.leakage[0].startswith("4 test rows are in train as well")
    mixed = Interactions(after.users, after.items, after.values, np.zeros(4, np.int64), 1, 20)
    other = try_split(Dataset("r.csv", data.data, mixed, None, "", DataReport("")), None)
    assert other.strategy == "fixed+user-random"
    assert other.identity.partition("test=")[2] != split.identity.partition("test=")[2]


def renumbered(dataset: Dataset[Interactions]) -> Dataset[Interactions]:
    """The same rows, users and items numbered the other way round."""
    data = dataset.data
    users, items = data.n_users - 1 - data.users, data.n_items - 1 - data.items
    order = np.lexsort((items, users))
    times = None if data.timestamps is None else data.timestamps[order]
    turned = replace(data, users=users[order], items=items[order], values=data.values[order], timestamps=times)
    return replace(dataset, data=turned)


def tied(days: int, rows_a_day: int = 6, users: int = 60) -> Dataset[Interactions]:
    """Days with rows of many items at one time; items of high numbers are no later than those of low ones."""
    rng = np.random.default_rng(3)
    rows = sorted(
        (user, int(item), 1_600_000_000 + 86_400 * day)
        for user in range(users)
        for day, items in enumerate(rng.permutation(100)[: days * rows_a_day].reshape(days, rows_a_day))
        for item in items
    )
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    ones = np.ones(len(rows), np.float32)
    data = Interactions(columns[0].astype(np.int32), columns[1].astype(np.int32), ones, columns[2], users, 100)
    return Dataset("tied.csv", data, None, None, "", DataReport(""))


@pytest.mark.parametrize("strategy", ["user-time", "global-time"])
def test_rows_of_one_time_are_parted_by_chance_and_not_by_number(strategy: str) -> None:
    for dataset in (tied(4), renumbered(tied(4))):
        split = try_split(dataset, strategy)
        draws = [resample_valid(split, draw, 0) for draw in (1, 2, 3)]
        for earlier, later in ((split.train_valid, split.test), (split.train, split.valid), *draws):
            assert later.items.mean() == pytest.approx(earlier.items.mean(), abs=8), "of 0 to 99"
            if strategy == "global-time":
                assert len(np.unique(later.users)) > 20, "not those of the highest numbers"
        other = try_split(dataset, strategy, seed=1)
        assert not equal(split.test, other.test)
        assert split.identity != other.identity
        assert "rows tie in time at a cut, and chance (the seed) parts them" in split.leakage[0]
        assert not any("first appear after the cut" in line for line in split.leakage)


@given(datasets(), st.sampled_from(["user-time", "global-time"]))
def test_the_seed_matters_exactly_where_there_are_ties_at_a_cut(dataset: Dataset[Interactions], strategy: str) -> None:
    splits = [try_split(dataset, strategy, seed) for seed in range(3)]
    if "seed=" in splits[0].identity:
        assert "tie in time" in splits[0].leakage[0]
    else:
        assert all(equal(splits[0].test, other.test) and equal(splits[0].valid, other.valid) for other in splits)
        assert len({split.identity for split in splits}) == 1


def test_how_many_rows_are_tied_at_the_cuts_is_said() -> None:
    sound = try_split(made([(0, time) for time in range(20)]), "user-time")
    assert (sound.identity, sound.leakage[0][:11]) == ("user-time fraction=0.1", "2 test rows")
    at_test = try_split(made([(0, time) for time in [*range(16), 16, 17, 17, 19]]), "user-time", seed=5)
    assert at_test.identity == "user-time fraction=0.1 seed=5"
    assert at_test.leakage[0].startswith("2 rows tie in time at a cut")


def test_times_within_a_second_decide() -> None:
    dataset = made([(0, 5)] * 20)
    for ahead in (1, -1):
        rest = np.arange(20, dtype=np.int32)[::ahead]
        split = try_split(replace(dataset, data=replace(dataset.data, nanoseconds=rest)), None)
        assert split.identity == "user-time fraction=0.1"
        assert sorted(split.test.items.tolist()) == ([18, 19] if ahead == 1 else [0, 1])


def test_where_all_rows_are_at_one_time_a_split_by_time_means_nothing() -> None:
    dataset = made([(user, user) for user in range(3) for _ in range(20)])
    split = try_split(dataset, None)
    assert split.strategy == "user-random"
    assert split.summary.startswith("per user at random, since all rows of each user are at one time: ")
    for strategy, whole in (
        ("user-time", dataset),
        ("global-time", made([(user, 0) for user in (0, 1) for _ in "ab" * 9])),
    ):
        split = try_split(whole, strategy)
        assert split.strategy == strategy
        assert split.identity.endswith(" seed=0")
        assert split.leakage[0].startswith("all rows tie in time where they are cut, and chance (the seed) parts them")
        assert not equal(split.test, try_split(whole, strategy, seed=1).test)


def test_items_are_new_after_the_cut_only_if_they_are_later_than_it() -> None:
    rows = [(0, time) for time in range(9)] + [(1, time) for time in range(20, 29)]
    by_user = try_split(made(rows), "user-time").leakage
    assert by_user[-1] == "2 test rows (100.0 %) are of items that first appear after the cut"
    tie = tied(2, rows_a_day=10, users=2)
    assert "items that train lacks" in try_split(tie, "user-time").leakage[-1]


def test_leakage_is_named() -> None:
    dataset = made([(user, 100 * user + time) for user in range(2) for time in range(10)])
    by_user = " ".join(try_split(dataset, "user-time").leakage)
    assert "newer than half of test, since users' periods overlap" in by_user
    assert "--split global-time" in by_user
    at_random = " ".join(try_split(dataset, "user-random").leakage)
    assert "older than half of train, since times are mixed" in at_random
    in_time = " ".join(try_split(dataset, "global-time").leakage)
    assert in_time == "2 test rows (100.0 %) are of items that first appear after the cut"


@given(datasets(), st.integers(2, 6), st.integers(0, 5))
def test_folds_deal_out_each_users_interactions(dataset: Dataset[Interactions], of: int, seed: int) -> None:
    try:
        split = try_split(dataset, "user-random", seed)
    except DataError:
        return
    folds = [fold_valid(split, number, of, seed) for number in range(1, of + 1)]
    counts = np.bincount(split.train_valid.users, minlength=split.train_valid.n_users)
    several = split.train_valid.take(counts[split.train_valid.users] > 1)
    assert pairs(*(valid for _, valid in folds)) == pairs(several), "each row is held out once, but for lone ones"
    for train, valid in folds:
        assert pairs(train, valid) == pairs(split.train_valid)
        assert set(valid.users.tolist()) <= set(train.users.tolist()), "something is known of whoever is scored"
        if len(valid):
            held = np.bincount(valid.users, minlength=len(counts))
            assert (held <= -(-counts // of)).all()
    assert all(equal(one, two) for one, two in zip(folds[0], fold_valid(split, 1, of, seed), strict=True))


def test_folds_by_time_are_windows_that_never_look_ahead() -> None:
    split = try_split(made([(user, time) for user in range(3) for time in range(40)]), "user-time")
    folds = [fold_valid(split, number, 3, 0) for number in (1, 2, 3)]
    assert equal(folds[0][1], split.valid)
    for train, valid in folds:
        assert train.timestamps is not None and valid.timestamps is not None
        for user in range(3):
            assert train.timestamps[train.users == user].max() < valid.timestamps[valid.users == user].min()
    assert len({tuple(valid.items.tolist()) for _, valid in folds}) == 3
