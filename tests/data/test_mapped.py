"""Dataclasses of arrays survive their folder, are read-only there, and equal objects are stored once."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.data.strategies import datasets
from workbench.contract.split import Dataset
from workbench.data import mapped
from workbench.data.interactions import InteractionEncoding, Interactions
from workbench.data.splits import split_interactions


@dataclass
class Inner:
    """A part of another."""

    numbers: Any


@dataclass
class Outer:
    """Whatever can be mapped."""

    value: Any
    inner: Inner | None = None
    twin: Inner | None = None


def through(value: Outer, folder: Path) -> Outer:
    mapped.Writer(folder).write(value, "outer")
    return mapped.read(Outer, folder, "outer")  # type: ignore[no-any-return]


ARRAYS = npst.arrays(
    st.sampled_from([np.int32, np.int64, np.float32, np.bool_, "<U3"]), npst.array_shapes(min_dims=0, min_side=0)
)


@given(ARRAYS)
def test_arrays_come_back_equal_and_read_only(tmp_path_factory: pytest.TempPathFactory, array: Any) -> None:
    found = through(Outer(array), tmp_path_factory.mktemp("mapped")).value
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    with pytest.raises(ValueError, match="read-only"):
        found[...] = array


@given(st.lists(st.one_of(st.none(), st.text(max_size=4))), st.integers(0, 3))
def test_texts_come_back_equal(tmp_path_factory: pytest.TempPathFactory, texts: list[str], start: int) -> None:
    array = pa.array(texts, pa.string())[start:]
    assert through(Outer(array), tmp_path_factory.mktemp("mapped")).value.equals(array)


@pytest.mark.parametrize("value", [None, True, 7, 2.5, "é", [1, "a"], {"a": [None]}])
def test_plain_values_come_back_equal(tmp_path: Path, value: object) -> None:
    found = through(Outer(value), tmp_path).value
    assert found == value
    assert type(found) is type(value)


def test_an_object_met_twice_is_stored_once(tmp_path: Path) -> None:
    array = np.arange(5)
    shared = Inner(array)
    writer = mapped.Writer(tmp_path)
    writer.write(Outer(array, shared, shared), "one")
    writer.write(Outer(array.copy(), shared), "two")
    assert sorted(path.name for path in tmp_path.rglob("*.npy")) == ["value.npy", "value.npy"]
    one, two = (mapped.read(Outer, tmp_path, name) for name in ("one", "two"))
    for found in (one.value, one.inner.numbers, one.twin.numbers, two.inner.numbers):
        assert found.tolist() == [0, 1, 2, 3, 4]
    assert two.twin is None


@pytest.mark.parametrize("value", [(1, 2), np.array([None]), pa.chunked_array([["a"]]), {1, 2}, b"x"])
def test_what_cannot_be_mapped_is_refused_by_name(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match=rf"^outer/value is a {type(value).__name__};"):
        mapped.Writer(tmp_path).write(Outer(value), "outer")


@given(datasets())
def test_the_parts_of_a_split_come_back(
    tmp_path_factory: pytest.TempPathFactory, dataset: Dataset[Interactions]
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    split = split_interactions(dataset, "user-time", seed=0)
    writer = mapped.Writer(folder)
    for name in ("train", "valid", "test"):
        writer.write(getattr(split, name), name)
    for name in ("train", "valid", "test"):
        wanted, found = getattr(split, name), mapped.read(Interactions, folder, name)
        assert (found.matrix != wanted.matrix).nnz == 0
        assert found.shape == wanted.shape
        assert found.provides == wanted.provides
        np.testing.assert_array_equal(found.values, wanted.values)
        np.testing.assert_array_equal(found.timestamps, wanted.timestamps)
        if wanted.known is None:
            assert found.known is None
        else:
            assert (found.known.matrix != wanted.known.matrix).nnz == 0


def test_an_encoding_comes_back(tmp_path: Path) -> None:
    users, items = pa.array(["a", "é"]), pa.array(["7", "x", "y"])
    titles = pa.table({"title": ["seven", None, "why"], "year": [1, 2, None]})
    starts, taken, weights = np.array([0, 2, 2]), np.array([0, 2], np.int32), np.array([1, 2.5], np.float32)
    encoding = InteractionEncoding(
        users, items, starts, taken, weights, np.array([True, False]), repeats=True, item_table=titles
    )
    mapped.Writer(tmp_path).write(encoding, "encoding")
    found = mapped.read(InteractionEncoding, tmp_path, "encoding")
    assert found.users.equals(users)
    assert found.items.equals(items)
    assert found.histories.toarray().tolist() == [[1, 0, 2.5], [0, 0, 0]]
    assert found.repeats
    assert found.item_table.equals(titles)
    assert found.user_table is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_told_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "outer").mkdir()
    (tmp_path / "x.npy").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as error:
        mapped.write_array(tmp_path / "x.npy", np.zeros(10**6))
    assert error.value.errno == errno.ENOSPC
