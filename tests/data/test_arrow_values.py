"""Values of every Arrow type become plain ones, and text."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.arrow_values import plain, to_text

WHO = uuid.UUID("6fa459ea-ee8a-3ca4-894e-db77e160355e")
SMALL = uuid.UUID(int=5)


def text_of(values: Any, kind: pa.DataType | None = None) -> list[str | None]:
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, kind)
    text = to_text(plain(pa.chunked_array([array]) if isinstance(array, pa.Array) else array))
    assert text.type == pa.string()
    text.validate(full=True)
    return text.to_pylist()


def in_runs(*values: Any) -> pa.Array:
    return pa.RunEndEncodedArray.from_arrays([2 * number for number in range(1, len(values) + 1)], list(values))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (pa.array([WHO.bytes, None, SMALL.bytes], pa.uuid()), [str(WHO), None, str(SMALL)]),
        (pa.array([SMALL.bytes, None], pa.binary(16)), [str(SMALL), None]),
        (pa.array([WHO.bytes, None], pa.binary(16)), [str(WHO), None]),
        (pa.array([b"user 00000000001", None], pa.binary(16)), ["user 00000000001", None]),
        (pa.array([b"ab", None], pa.binary(2)), ["ab", None]),
        (pa.array([1.0, None, float("nan"), -0.0], pa.float64()), ["1", None, None, "0"]),
        (pa.array([np.float16(12)], pa.float16()), ["12"]),
        (pa.array([0.5, 2.0]), ["0.5", "2"]),
        (pa.array([Decimal("12.00"), None], pa.decimal128(10, 2)), ["12", None]),
        (pa.array([Decimal("12.50")], pa.decimal128(10, 2)), ["12.50"]),
        (pa.array([Decimal(10**60)], pa.decimal256(70, 0)), [str(10**60)]),
        (pa.array([Decimal("1200")], pa.decimal128(5, -2)), ["1200"]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array([True, None, False]), ["true", None, "false"]),
        (pa.array([None, None]), [None, None]),
        (pa.array([date(2020, 1, 2)]), ["2020-01-02"]),
        (pa.array([datetime(2020, 1, 2, 3)], pa.timestamp("s")), ["2020-01-02 03:00:00"]),
        (pa.DictionaryArray.from_arrays(pa.array([0, None, 1]), pa.array(["a", None])), ["a", None, None]),
        (pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array([WHO.bytes], pa.uuid())), [str(WHO)] * 2),
        (pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array(["a", "b"], pa.string_view())), ["b", "a"]),
        (in_runs("a", None).slice(1), ["a", None, None]),
        (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())), ["true", "false"]),
        (pa.ExtensionArray.from_storage(pa.opaque(pa.string(), "kind", "of"), pa.array(["x"])), ["x"]),
        (pa.array(pd.Series([3, None, 1], dtype="Int64")), ["3", None, "1"]),
        (pa.array(pd.Series(pd.Categorical(["b", None, "a"]))), ["b", None, "a"]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_every_type_has_its_text(values: pa.Array, text: list[str | None]) -> None:
    assert text_of(values) == text
    assert text_of(pa.chunked_array([values, values])) == text * 2
    assert text_of(pa.chunked_array([], values.type)) == []
    assert text_of(values.slice(1)) == text[1:] or pa.types.is_floating(values.type), "the rest may all be whole"


@pytest.mark.parametrize("values", [pa.array([["a"]]), pa.array([{"a": 1}]), pa.array([pa.MonthDayNano([1, 1, 1])])])
def test_what_has_no_text_says_so(values: pa.Array) -> None:
    with pytest.raises(pa.ArrowException):
        text_of(values)


def is_text_like(who: uuid.UUID) -> bool:
    """Whether the bytes of a UUID might be text."""
    try:
        return who.bytes.decode().isprintable()
    except UnicodeDecodeError:
        return False


@given(st.lists(st.one_of(st.none(), st.uuids()), min_size=1), st.integers(0, 3))
def test_uuids_come_back_as_python_writes_them(whos: list[uuid.UUID | None], cut: int) -> None:
    raw = [None if who is None else who.bytes for who in whos]
    for kind in (
        (pa.uuid(), pa.binary(16)) if any(who and not is_text_like(who) for who in whos[cut:]) else (pa.uuid(),)
    ):
        assert text_of(pa.array(raw, kind).slice(cut)) == [who and str(who) for who in whos[cut:]]


@given(st.lists(st.one_of(st.none(), st.integers(-(2**53), 2**53))))
def test_whole_floats_have_the_text_of_whole_numbers(numbers: list[int | None]) -> None:
    floats = pa.array([None if number is None else float(number) for number in numbers], pa.float64())
    assert text_of(floats) == [None if number is None else str(number) for number in numbers]


def test_ids_of_parquet_are_those_that_were_written(tmp_path: Any) -> None:
    pq.write_table(pa.table({"x": pa.array([WHO.bytes, SMALL.bytes], pa.uuid())}), tmp_path / "x.parquet")
    assert text_of(pq.read_table(tmp_path / "x.parquet").column("x")) == [str(WHO), str(SMALL)]
