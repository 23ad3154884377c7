"""Repeated pairs, weak ratings, rare ids and weights: what stays, and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from tests.data.conftest import rows_of
from tests.data.strategies import Row, datasets, rows
from workbench.contract.split import Dataset
from workbench.contract.task import Source
from workbench.data.interactions import Interactions
from workbench.data.preparing import Preparation, core
from workbench.data.reading import read_interactions
from workbench.data.splits import resample_valid, split_interactions
from workbench.errors import SettingsError

Read = Callable[..., Dataset[Interactions]]

RATED = "user,item,rating,timestamp\na,x,5,1\na,y,2,2\nb,x,4,3\nb,z,1,4\nc,y,3,5\n"
EVENTS = "user,item,timestamp\na,x,1\na,x,5\na,y,3\nb,x,2\nb,x,2\nb,x,9\n"


def table_of(drawn: list[Row]) -> pa.Table:
    return pa.table(dict(zip(("user", "item", "rating", "timestamp"), zip(*drawn, strict=True), strict=True)))


def naive_core(pairs: set[tuple[int, int]], k: int) -> set[tuple[int, int]]:
    """Leave out one weak user or item at a time until there is none."""
    while True:
        users, items = Counter(user for user, _ in pairs), Counter(item for _, item in pairs)
        weak = next((pair for pair in sorted(pairs) if users[pair[0]] < k or items[pair[1]] < k), None)
        if weak is None:
            return pairs
        pairs = pairs - {weak}


@given(datasets())
def test_the_core_is_what_is_left_when_the_weak_go_one_by_one(dataset: Dataset[Interactions]) -> None:
    data = dataset.data
    for k in (1, 2, 3, 5):
        users, items = core(data, k)
        stays = users[data.users] & items[data.items]
        pairs = set(zip(data.users.tolist(), data.items.tolist(), strict=True))
        left = data.take(stays)
        assert set(zip(left.users.tolist(), left.items.tolist(), strict=True)) == naive_core(pairs, k)
        assert set(np.flatnonzero(users)) == set(left.users.tolist())
        assert set(np.flatnonzero(items)) == set(left.items.tolist())


@given(rows(min_size=1, max_size=60))
def test_a_core_is_numbered_anew_and_keeps_its_rows(drawn: list[Row]) -> None:
    whole = {row[:2]: float(np.float32(row[2])) for row in drawn}
    try:
        dataset = read_interactions(Source(table_of(drawn)), {"k_core": "2"})
    except Exception as error:  # noqa: BLE001 - the message is what is looked at
        assert "no interaction is left: 2-core: 0 users and 0 items stay" in str(error)
        return
    kept = rows_of(dataset)
    assert {(user, item): value for user, item, value in kept}.items() <= whole.items()
    data = dataset.data
    assert np.bincount(data.users, minlength=data.n_users).min() >= 2
    assert np.bincount(data.items, minlength=data.n_items).min() >= 2
    assert np.all(np.diff(data.pairs) > 0)


def test_ratings_below_the_least_are_left_out_with_their_ids(read: Read) -> None:
    dataset = read(RATED, options={"min_rating": "3"})
    assert rows_of(dataset) == [("a", "x", 5.0), ("b", "x", 4.0), ("c", "y", 3.0)]
    assert "2 rows rated below 3 left out" in dataset.report.notes
    assert dataset.fingerprint != read(RATED).fingerprint
    assert dataset.encoding.items.to_pylist() == ["x", "y"]  # type: ignore[attr-defined]


def test_the_last_rating_is_the_one_that_is_judged(read: Read) -> None:
    changed = "user,item,rating,timestamp\na,x,5,1\na,x,2,9\na,y,4,3\n"
    assert rows_of(read(changed, options={"min_rating": "3"})) == [("a", "y", 4.0)]


def test_a_fixed_test_part_is_filtered_alike(read: Read, write: Callable[..., Path]) -> None:
    test = write("user,item,rating\na,x,5\na,z,5\nb,y,1\nb,y2,5\n", "test.csv")
    data = "user,item,rating\na,x,5\na,y,5\nb,x,5\nb,y,5\nc,z,5\n"
    dataset = read(data, options={"min_rating": "2", "k_core": "2"}, test_data=test)
    assert dataset.test is not None
    assert (dataset.test.users.tolist(), dataset.test.items.tolist()) == ([0], [0])
    assert dataset.encoding.users.to_pylist() == ["a", "b"]  # type: ignore[attr-defined]
    assert dataset.report.notes[-2:] == (
        "1 row rated below 2 left out",
        "2-core: 2 users and 2 items stay, 1 row and 2 test rows left out",
    )


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        ("user,item\na,x\n", {"min_rating": "3"}, "ratings.csv has no ratings, which --min-rating needs"),
        (RATED, {"min_rating": "9"}, "ratings.csv: no interaction is left: 5 rows rated below 9 left out"),
        (RATED, {"k_core": "4"}, "no interaction is left: 4-core: 0 users and 0 items stay, 5 rows left out"),
        ("user,item\na,x\n", {"weights": "rating"}, "ratings.csv has no ratings or counts, which --weights needs"),
        (RATED.replace(",2,2", ",0,2"), {"weights": "log"}, "1 rating is 0 or less, which --weights cannot use"),
    ],
)
def test_what_cannot_be_prepared_is_said(
    refusal: Callable[..., str], data: str, options: dict[str, str], said: str
) -> None:
    assert said in refusal(data, options=options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_rating": "good"}, "--min-rating good: must be a number"),
        ({"min_rating": "nan"}, "--min-rating nan: must be a number"),
        ({"k_core": "0"}, "--k-core 0: must be a whole number, 1 or more"),
        ({"k_core": "2.5"}, "--k-core 2.5: must be a whole number"),
        ({"repeats": "recommend", "duplicates": "sum"}, "--duplicates sum: with --repeats recommend every row counts"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Preparation.of(options)


def test_weights_are_ratings_over_their_mean(read: Read) -> None:
    data = read(RATED, options={"weights": "rating"}).data
    assert data.matrix.data.tolist() == pytest.approx([5 / 3, 2 / 3, 4 / 3, 1 / 3, 1])
    assert data.matrix.data.mean() == pytest.approx(1)
    logs = np.log1p([5, 2, 4, 1, 3])
    assert read(RATED, options={"weights": "log"}).data.matrix.data.tolist() == pytest.approx(logs / logs.mean())
    assert read(RATED).data.matrix.data.tolist() == [1] * 5


def test_weights_make_no_other_dataset_and_stay_through_a_split(read: Read) -> None:
    ratings = "user,item,rating\n" + "".join(f"u{n % 7},i{n % 11},{1 + n % 5}\n" for n in range(70))
    plain, weighted = read(ratings), read(ratings, options={"weights": "rating"})
    assert plain.fingerprint == weighted.fingerprint
    split, other = split_interactions(weighted, None, 0), split_interactions(plain, None, 0)
    assert split.identity == other.identity
    scale = float(np.mean(weighted.data.values))
    assert split.train.matrix.data.tolist() == pytest.approx((split.train.values / scale).tolist())
    assert split.test.known is not None
    assert set(split.test.known.matrix.data.tolist()) != {1.0}
    encoding: Any = weighted.encoding
    assert (encoding.histories != weighted.data.matrix).nnz == 0
    assert (encoding.known.matrix != weighted.data.matrix).nnz == 0


def test_repeats_keep_every_event_and_count_them_where_asked(read: Read) -> None:
    dataset = read(EVENTS, options={"repeats": "recommend", "weights": "log"})
    data = dataset.data
    assert (len(data), data.repeats) == (6, True)
    assert data.timestamps is not None
    assert data.timestamps.tolist() == [1, 5, 3, 2, 2, 9]
    logs = np.log1p([2, 1, 3])
    assert data.matrix.data.tolist() == pytest.approx(logs / logs.mean())
    assert data.matrix.toarray().astype(bool).tolist() == [[True, True], [True, False]]
    assert data.popularity.tolist() == [2, 1], "users, not events"
    assert "3 rows with the user and item of another" in dataset.report.notes
    encoding: Any = dataset.encoding
    assert encoding.repeats
    assert encoding.taken.tolist() == [0, 1, 0]
    assert read(EVENTS).data.repeats is False


def test_a_split_of_repeats_may_test_on_what_was_taken_before(read: Read) -> None:
    events = "user,item,timestamp\n" + "".join(f"a,i{n % 3},{n}\nb,j{n % 2},{n}\n" for n in range(30))
    dataset = read(events, options={"repeats": "recommend"})
    split = split_interactions(dataset, "user-time", 0)
    assert split.identity.endswith(" repeats")
    assert (len(split.train), len(split.valid), len(split.test)) == (50, 4, 6)
    assert np.isin(split.test.pairs, split.train.pairs).all()
    assert not any("are in train as well" in line for line in split.leakage)
    assert split.test.known is not None and split.test.known.repeats
    again = resample_valid(split, 1, 0)
    assert len(again[1]) == 4


def test_events_in_any_order_are_the_same_data(read: Read) -> None:
    header, *lines = EVENTS.splitlines()
    backwards = "\n".join([header, *reversed(lines)]) + "\n"
    options = {"repeats": "recommend"}
    assert read(backwards, options=options).fingerprint == read(EVENTS, options=options).fingerprint
