"""Splits of examples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.contract.report import DataReport
from workbench.contract.split import Dataset
from workbench.data.example_splits import fold_examples, resample_examples, split_examples
from workbench.data.examples import Examples
from workbench.errors import DataError, UserError


@dataclass(frozen=True)
class Texts(Examples):
    texts: pa.Array
    sizes: np.ndarray


def dataset(target, n_classes: int, test=None) -> Dataset[Texts]:
    target = np.asarray(target)
    n = len(target)
    data = Texts(
        target=target, n_classes=n_classes, ids=np.arange(n), texts=pa.array(map(str, range(n))), sizes=np.ones((n, 2))
    )
    return Dataset("made up", data, test, None, "", DataReport(""))


CLASSES = st.lists(st.integers(0, 3), min_size=30, max_size=80)


@given(CLASSES, st.integers(0, 5))
def test_parts_are_disjoint_complete_and_reproducible(target, seed) -> None:
    split = split_examples(dataset(target, 4), None, seed)
    ids = [set(part.ids.tolist()) for part in (split.train, split.valid, split.test)]
    assert sum(map(len, ids)) == len(set.union(*ids)) == len(target)
    assert set(split.train_valid.ids.tolist()) == ids[0] | ids[1]
    again = split_examples(dataset(target, 4), None, seed)
    assert again.identity == split.identity and np.array_equal(again.valid.ids, split.valid.ids)
    assert all(part.texts.to_pylist() == list(map(str, part.ids)) for part in (split.train, split.test))


@given(CLASSES, st.integers(0, 5))
def test_every_class_has_its_share_and_stays_in_train(target, seed) -> None:
    data = dataset(target, 4)
    split = split_examples(data, None, seed)
    whole, test = np.bincount(target, minlength=4), np.bincount(split.test.target, minlength=4)
    assert (np.abs(test - 0.2 * whole) <= 1.0 + 1e-9).all()
    assert set(split.train.target.tolist()) == set(target)


@given(CLASSES, st.integers(2, 5))
def test_folds_hold_out_everything_once(target, of) -> None:
    split = split_examples(dataset(target, 4), None, 0)
    folds = [fold_examples(split, number, of, 0) for number in range(1, of + 1)]
    held = np.concatenate([valid.ids for _, valid in folds])
    assert sorted(held.tolist()) == sorted(split.train_valid.ids.tolist())
    assert all(not set(train.ids.tolist()) & set(valid.ids.tolist()) for train, valid in folds)


@dataclass(frozen=True)
class Families(Examples):
    families: np.ndarray

    @property
    def groups(self) -> np.ndarray:
        return self.families


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=40, max_size=80), st.integers(0, 3))
def test_groups_stay_on_one_side_and_every_class_in_train(rows, seed) -> None:
    target, families = np.array(rows).T
    families[:8] = np.arange(8)  # enough of them for every part
    part = Families(target=target, n_classes=3, ids=np.arange(len(target)), families=families)
    split = split_examples(Dataset("made up", part, None, None, "", DataReport("")), None, seed)
    drawn = resample_examples(split, 1, seed)
    folds = [fold_examples(split, number, 3, seed) for number in (1, 2, 3)]
    for one, other in [(split.train_valid, split.test), (split.train, split.valid), drawn, *folds]:
        assert not set(one.families) & set(other.families)
    assert set(split.train.target) == set(drawn[0].target) == set(target)
    assert sum(len(valid) for _, valid in folds) == len(split.train_valid)
    assert len(split.train_valid) + len(split.test) == len(target)


def test_further_draws_are_other_ones() -> None:
    split = split_examples(dataset([0, 1] * 30, 2), None, 0)
    drawn = [tuple(resample_examples(split, draw, 0)[1].ids.tolist()) for draw in (1, 2)]
    assert len({*drawn, tuple(split.valid.ids.tolist())}) == 3
    assert len(drawn[0]) == len(split.valid)


def test_numbers_are_split_at_random() -> None:
    data = dataset(np.linspace(0, 1, 50), 0)
    assert split_examples(data, None, 0).strategy == "random"
    with pytest.raises(DataError, match="no classes to stratify by"):
        split_examples(data, "stratified", 0)
    with pytest.raises(UserError, match="no split 'by-time'"):
        split_examples(data, "by-time", 0)


def test_a_fixed_test_part_stays() -> None:
    test = dataset([0, 1, 2], 3).data
    split = split_examples(dataset([0, 1] * 20, 3, test), None, 0)
    assert split.test is test and len(split.train_valid) == 40
    assert split.identity.startswith("fixed+stratified") and " test=" in split.identity
    assert split.leakage == ("1 test rows are of classes that train does not have",)


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(DataError, match="too few examples to split: 2"):
        split_examples(dataset([0, 1], 2), None, 0)


def test_order_and_fingerprint_depend_on_the_rows_alone() -> None:
    data = dataset([0, 1, 1, 0], 2).data
    shuffled = data.take(np.array([2, 0, 3, 1]))
    (one, first), (other, second) = data.ordered("h"), shuffled.ordered("h")
    assert first == second and one.texts == other.texts and one.ids.tolist() == [0, 1, 2, 3]
    assert data.ordered("h2")[1] != first
    assert replace(data, texts=pa.array(["0", "1", "2", "4"])).ordered("h")[1] != first
    assert replace(data, target=np.array([0, 1, 1, 1])).ordered("h")[1] != first


def test_what_a_part_says_of_itself() -> None:
    data = dataset([0, 1], 2).data
    assert data.shape == {"examples": 2, "classes": 2, "sizes": 2}
    assert data.provides == {"classes"} and replace(data, n_classes=0).provides == {"numbers"}


@given(st.lists(st.integers(0, 3), min_size=3, max_size=14), st.integers(0, 20))
def test_something_is_held_out_in_every_draw_of_few_rows(target, seed) -> None:
    n_classes = len(set(target))
    target = np.unique(target, return_inverse=True)[1]
    try:
        split = split_examples(dataset(target, n_classes), None, seed)
    except DataError:
        assert len(target) < n_classes + 2  # one for each class to learn from, one for valid, one for test
        return
    for draw in range(1, 5):
        train, valid = resample_examples(split, draw, seed)
        assert len(valid) and set(train.target.tolist()) == set(split.train_valid.target.tolist())
