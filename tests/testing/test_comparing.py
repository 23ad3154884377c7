"""Where two values differ, said in a few words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from workbench.testing.comparing import difference, rows_of
from workbench.testing.pickles import in_folder, is_pickle


@dataclass
class Part:
    """A part with what it has computed."""

    users: Any
    names: Any = None
    inner: Any = None

    @cached_property
    def doubled(self) -> Any:
        return 2 * self.users


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (np.arange(3), np.arange(3), ""),
        (np.arange(3), np.array([0, 5, 6]), "x[1] is 1 against 5 (2 of 3 differ)"),
        (np.arange(3), np.arange(4), "x: shape (3,) against (4,)"),
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.0]), ""),
        ({"a": 1.0}, {"a": 1.5}, "x.a is 1 against 1.5"),
        ({"a": 1}, {"b": 1}, "x: ['a'] against ['b']"),
        ([1, "a"], [1, "b"], "x[1] is 'a' against 'b'"),
        (["a"], ["a", "b"], "x: 1 against 2"),
        (True, 1, "x is True against 1"),
        (pa.array(["a", "b"]), pa.array(["a", "c"]), "x[1] is 'b' against 'c' (1 of 2 differ)"),
        (pa.table({"a": [1]}), pa.table({"a": [2]}), "x: the tables differ"),
        (sp.csr_array(np.eye(2)), sp.csr_array(2 * np.eye(2)), "x.data[0] is 1 against 2 (2 of 2 differ)"),
        (
            Part(np.arange(2), inner=Part(np.ones(1))),
            Part(np.arange(2), inner=Part(np.zeros(1))),
            "x.inner.users[0] is",
        ),
    ],
)
def test_the_first_difference_is_named(one: Any, other: Any, told: str) -> None:
    found = difference(one, other, "x")
    assert found.startswith(told) and bool(found) == bool(told)


def test_numbers_may_be_compared_roughly() -> None:
    assert difference([1.0, 2.0], [1.0, 2.0 + 1e-9], "x", close=1e-6) == ""
    assert difference([1.0, 2.0], [1.0, 2.0 + 1e-9], "x") != ""
    assert difference(np.float32([1.0]), np.float32([1.1]), "x", close=1e-6) != ""


def test_what_a_part_has_computed_is_compared_too() -> None:
    changed = Part(np.arange(3))
    changed.doubled[:] = 7
    assert difference(changed, Part(np.arange(3)), "part") == "part.doubled[0] is 7 against 0 (3 of 3 differ)"


def test_rows_are_read_across_the_columns() -> None:
    part = Part(np.array([1, 1, 2]), pa.array(["a", "a", "b"]), np.zeros(9))
    assert sorted(rows_of(part).values()) == [1, 2]
    assert rows_of(Part(np.array([1]), pa.array(["a"]))) <= rows_of(part)


@pytest.mark.parametrize("data", [b"", b"{}", b"tree\nversion=v4\n", b"\x93NUMPY\x01", b"\x80\x04 not really"])
def test_what_is_no_pickle_is_not_called_one(data: bytes) -> None:
    assert not is_pickle(data)


def test_compressed_pickles_are_found(tmp_path: Any) -> None:
    import zlib

    from tests.testing.broken import PICKLE

    assert is_pickle(PICKLE)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "model.z").write_bytes(zlib.compress(PICKLE))
    (tmp_path / "plain.json").write_text("{}", encoding="utf-8")
    assert in_folder(tmp_path) == ["deep/model.z"]
