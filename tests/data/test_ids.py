"""Ids are numbered in natural order and come back byte-exact."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.ids import encode, natural_order

TEXTS = st.lists(st.text(st.sampled_from("ab0179- é😀"), max_size=6), min_size=1, max_size=30)


@given(TEXTS)
def test_every_id_has_one_number_and_comes_back(ids: list[str]) -> None:
    known = natural_order(pa.array(ids, pa.string()))
    numbers = encode(ids, known)
    assert len(known) == len(set(ids))
    assert numbers.dtype == np.int32
    assert known.take(pa.array(numbers)).to_pylist() == ids


@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_rows(ids: list[str], random: object) -> None:
    shuffled = ids + ids[:3]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert natural_order(pa.array(shuffled)).equals(natural_order(pa.array(ids)))


@given(st.sets(st.integers(0, 10**25), min_size=1), st.sampled_from(["", "i", "user-", "é"]))
def test_digits_compare_as_numbers(numbers: set[int], prefix: str) -> None:
    ids = [f"{prefix}{number}" for number in numbers]
    assert natural_order(pa.array(ids)).to_pylist() == [f"{prefix}{number}" for number in sorted(numbers)]


def test_equal_numbers_go_by_their_text_and_digits_before_letters() -> None:
    ids = ["b", "i10", "7", "i9", "07", "a2b10", "007", "a2b9", "8", "a10"]
    wanted = ["007", "07", "7", "8", "a2b9", "a2b10", "a10", "b", "i9", "i10"]
    assert natural_order(pa.array(ids)).to_pylist() == wanted


def test_an_id_may_have_more_digits_than_python_converts() -> None:
    long, longer = "9" * 5000, "1" + "0" * 5000
    assert natural_order(pa.array([longer, "x", long])).to_pylist() == [long, longer, "x"]


def test_unknown_ids_are_minus_one() -> None:
    known = natural_order(pa.array(["a", "7", "b"]))
    assert encode(["b", "07", "", "A", "a"], known).tolist() == [2, -1, -1, -1, 1]
    assert encode(pa.chunked_array([["7"], ["zz", None]]), known).tolist() == [0, -1, -1]


def test_chunked_ids_are_ordered_together() -> None:
    assert natural_order(pa.chunked_array([["10", "9"], ["9", "1"]])).to_pylist() == ["1", "9", "10"]
