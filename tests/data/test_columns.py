"""Columns become ids, numbers and times, or an error that names the file, the row and the column."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.columns import Checked, as_ids, as_numbers, as_times, find_columns
from workbench.data.reading import ROLES
from workbench.data.tables import RawTable
from workbench.errors import DataError

NOON = 1_577_880_000  # 2020-01-01T12:00:00Z


def checked(values: Any, *, skip: bool = False, kind: pa.DataType | None = None) -> Checked:
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, kind)
    table = RawTable("r.csv", pa.table({"x": array}), lambda number: f"line {number + 2}")
    return Checked(table, "skip-any" if skip else "error")


def refusal(read: Callable[[Checked, str], object], values: Any, kind: pa.DataType | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(checked(values, kind=kind), "x")
    return str(caught.value)


def columns(*names: str, **given: str | None) -> dict[str, str]:
    table = RawTable("r.csv", pa.table([pa.array(["1"])] * len(names), list(names)), str)
    return find_columns(table, ROLES, given, ("user", "item"))


def test_usual_names_are_recognised_in_any_spelling() -> None:
    assert columns("userId", "movie_id", "Rating", "timestamp", "note") == {
        "user": "userId",
        "item": "movie_id",
        "rating": "Rating",
        "time": "timestamp",
    }
    assert columns("ASIN", "reviewer-ID") == {"user": "reviewer-ID", "item": "ASIN"}


def test_a_column_that_is_named_wins() -> None:
    assert columns("user", "who", "item", user="who") == {"user": "who", "item": "item"}


def test_missing_and_ambiguous_columns_name_what_there_is_and_the_flag() -> None:
    with pytest.raises(
        DataError, match=r"^r\.csv: no item column among user, what; say which with --item-column NAME$"
    ):
        columns("user", "what")
    with pytest.raises(DataError, match=r"^r\.csv: user and userId could each be the user; say .* --user-column$"):
        columns("user", "userId", "item")
    with pytest.raises(DataError, match=r"^r\.csv: no column 'who' \(--user-column\); it has user, item$"):
        columns("user", "item", user="who")
    with pytest.raises(DataError, match=r"^r\.csv: column 'user' stands twice; rename one$"):
        columns("user", "item", "user", user="user")


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (
            pa.array(["007", "1e5", "NA", " a b ", "-3", "😀", "null"]),
            ["007", "1e5", "NA", " a b ", "-3", "😀", "null"],
        ),
        (pa.array(["é"], pa.large_string()), ["é"]),
        (pa.array(["é"], pa.string_view()), ["é"]),
        (pa.array(["é".encode()]), ["é"]),
        (pa.array([2**53 + 1, -(2**62)]), [str(2**53 + 1), str(-(2**62))]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array(["b", "a", "b"]).dictionary_encode(), ["b", "a", "b"]),
        (pa.array([5, 7, 5]).dictionary_encode(), ["5", "7", "5"]),
    ],
    ids=["string", "large", "view", "binary", "int64", "uint64", "category", "numbers as category"],
)
def test_ids_are_text_byte_exact(values: pa.Array, ids: list[str]) -> None:
    found = as_ids(checked(values), "x")
    assert found.type == pa.string()
    assert found.to_pylist() == ids


def test_categories_of_polars_and_pandas_are_ids() -> None:
    for table in (
        pa.table(pl.DataFrame({"x": ["b", "a"]}).with_columns(pl.col("x").cast(pl.Categorical))),
        pa.table(pd.DataFrame({"x": pd.Categorical(["b", "a"])})),
    ):
        assert as_ids(checked(table.column("x")), "x").to_pylist() == ["b", "a"]


@pytest.mark.parametrize(
    "values",
    [pa.array([1.5, 2.0]), pa.array([1.5]).dictionary_encode(), pa.array([2.0**60]), pa.array([2.0**25], pa.float32())],
    ids=["fractions", "categories of fractions", "too large", "too large for 32 bits"],
)
def test_ids_that_floating_point_numbers_have_changed_are_refused(values: pa.Array) -> None:
    said = refusal(as_ids, values)
    assert said.startswith("r.csv, column x: ids are stored as floating-point numbers that are not whole or too large")
    assert "store them as text or whole numbers" in said


def test_whole_floats_are_whole_numbers_and_that_is_said() -> None:
    rows = checked([12.0, 7.0])
    assert as_ids(rows, "x").to_pylist() == ["12", "7"]
    assert rows.notes == ["x: floating-point numbers, all whole, read as whole numbers"]
    assert refusal(as_ids, [1.0, math.nan]).startswith("r.csv, line 3, column x: 'nan' is not an id")
    assert as_ids(checked(["12.0"]), "x").to_pylist() == ["12.0"], "text stays as it is"


def test_ids_that_are_missing_nested_or_no_text_are_refused() -> None:
    assert refusal(as_ids, ["a", " "]).startswith("r.csv, line 3, column x: ' ' is not an id; fix the data")
    assert refusal(as_ids, ["a", None, None]).startswith(
        "r.csv, line 3, column x: 'None' is not an id (2 such rows); fix the data or pass --on-bad-rows skip"
    )
    assert refusal(as_ids, [["a"]]).startswith("r.csv, column x: ids are list")
    assert refusal(as_ids, [b"ok", b"\xff"]).startswith("r.csv, line 3, column x: not UTF-8 text")


@given(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
        st.integers(-(10**15), 10**15).map(str),
        st.from_regex(r"[ \t]?[+-]?([0-9]{1,5}\.?[0-9]{0,5}|\.[0-9]{1,5})([eE][+-]?[0-9])?[ \t]?", fullmatch=True),
    )
)
def test_numbers_are_read_as_python_reads_them(text: str) -> None:
    assert as_numbers(checked([text]), "x")[0] == pytest.approx(float(text), rel=1e-15, abs=0)


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (pa.array([1, 2], pa.int8()), [1, 2]),
        (pa.array([1.5], pa.float32()), [1.5]),
        (pa.array([Decimal("2.5")]), [2.5]),
        (pa.array(["2.5"], pa.string_view()), [2.5]),
        (pa.array(["2.5"], pa.large_string()), [2.5]),
        (pa.array([4, 5, 4]).dictionary_encode(), [4, 5, 4]),
    ],
)
def test_numbers_of_every_type_are_read(values: pa.Array, numbers: list[float]) -> None:
    assert as_numbers(checked(values), "x").tolist() == numbers


@pytest.mark.parametrize("text", ["", "NA", "nan", "inf", "-Infinity", "abc", "0x10", "1_0", "1,5", "1e", "٣"])
def test_text_that_is_no_number_is_refused_at_its_line(text: str) -> None:
    assert refusal(as_numbers, ["1", "2", text]).startswith(f"r.csv, line 4, column x: {text!r} is not a number; fix")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e39, None])
def test_numbers_that_are_not_finite_are_refused_at_their_line(value: float | None) -> None:
    said = refusal(as_numbers, [1.0, value, value], pa.float64())
    assert said.startswith(f"r.csv, line 3, column x: '{value}' is not a finite number")
    assert "(2 such rows)" in said
    assert "line 2, column x: '1e39' is not a finite" in refusal(as_numbers, ["1e39"])


def test_truth_values_and_lists_are_no_numbers() -> None:
    assert refusal(as_numbers, [True]) == "r.csv, column x holds bool; numbers are needed"
    assert "list" in refusal(as_numbers, [[1]])


@pytest.mark.parametrize(
    ("factor", "unit"), [(1, "seconds"), (10**3, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds")]
)
@pytest.mark.parametrize("text", [False, True], ids=["numbers", "text"])
def test_the_unit_of_times_is_recognised(factor: int, unit: str, text: bool) -> None:
    values = [second * factor for second in (NOON, NOON - 86_400, 1_000_000_000)]
    found, named = as_times(checked([str(value) for value in values] if text else values), "x")
    assert named == unit
    assert found.dtype == np.int64
    assert found.tolist() == [NOON, NOON - 86_400, 1_000_000_000]


def test_times_before_1970_and_fractions_are_read() -> None:
    assert as_times(checked(["-86400", "0", "12.9"]), "x")[0].tolist() == [-86_400, 0, 12]


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
    st.sampled_from(["", "Z", "+05:30", "-0800"]),
    st.sampled_from([" ", "T"]),
    st.sampled_from(["auto", "minutes", "seconds", "milliseconds"]),
)
def test_iso_times_are_read_as_utc_seconds(moment: datetime, zone: str, between: str, precision: str) -> None:
    text = moment.isoformat(between, precision)
    stated = datetime.fromisoformat(text + zone)
    utc = stated if zone else stated.replace(tzinfo=UTC)
    found, named = as_times(checked([text + zone]), "x")
    assert named == "ISO 8601"
    assert found.tolist() == [math.floor(utc.timestamp())]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_dates_and_zones_may_be_mixed_in_text_of_every_type(kind: pa.DataType) -> None:
    texts = ["2020-01-01", "2020-01-01T12:00", " 2020-01-01T13:00:00+01:00 ", "2020-01-01 12:00:00.999Z"]
    assert as_times(checked(texts, kind=kind), "x")[0].tolist() == [NOON - 43_200, NOON, NOON, NOON]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([NOON * 1000], pa.timestamp("ms")),
        pa.array([NOON * 10**9], pa.timestamp("ns", "Asia/Tokyo")),
        pa.array(pd.Series(pd.to_datetime(["2020-01-01T21:00"])).dt.tz_localize("Asia/Tokyo")),
        pl.Series([datetime(2020, 1, 1, 12)]).to_arrow(),
    ],
    ids=["naive", "zone", "pandas", "polars"],
)
def test_times_of_typed_columns_are_utc(values: pa.Array) -> None:
    assert as_times(checked(values), "x") == ([NOON], "times")


def test_date_columns_are_midnight() -> None:
    assert as_times(checked([date(2020, 1, 1)]), "x")[0].tolist() == [NOON - 43_200]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["2020-01-01", "yesterday"], "line 3, column x: 'yesterday' is not a time (seconds, milliseconds or ISO"),
        (["2020-01-01", "2020-02-30"], "line 3, column x: '2020-02-30' is not a time that exists"),
        (["2020-01-01T25:00:00Z"], "line 2, column x: '2020-01-01T25:00:00Z' is not a time that exists"),
        (["2020-01-01", None], "line 3, column x: 'None' is not a time"),
        (["2020-01-01", ""], "line 3, column x: '' is not a time"),
        (["1", "2", "nan"], "line 4, column x: 'nan' is not a number"),
        (["1", "2", "1e30"], "line 4, column x: '1e30' is not a time in seconds before the year 10000"),
        ([NOON, NOON, NOON * 1000], f"line 4, column x: '{NOON * 1000}' is not a time in seconds before"),
        ([1.0, math.nan], "line 3, column x: 'nan' is not a finite number"),
        (pa.array([NOON, None], pa.timestamp("s")), "line 3, column x: 'None' is not a time"),
    ],
)
def test_bad_times_are_refused_at_their_line(values: Any, said: str) -> None:
    assert refusal(as_times, values).startswith(f"r.csv, {said}")


@pytest.mark.parametrize("kind", [pa.time32("s"), pa.duration("s")], ids=str)
def test_a_time_of_day_is_no_time(kind: pa.DataType) -> None:
    assert refusal(as_times, [5], kind) == f"r.csv, column x holds {kind}; numbers are needed"


def test_bad_rows_are_gathered_when_they_are_to_be_skipped() -> None:
    rows = checked(["2020-01-01", "soon", "2020-02-30", "2020-01-02", "2021-13-01T00:00Z"], skip=True)
    times, _ = as_times(rows, "x")
    assert rows.bad.tolist() == [False, True, True, False, True]
    assert times[~rows.bad].tolist() == [NOON - 43_200, NOON + 43_200]
    assert rows.notes[0].startswith("skipped: 1 row, the first at line 3, column x: 'soon'")
    numbers = checked(["1", "x", "inf", "4", "1e99"], skip=True)
    assert as_numbers(numbers, "x")[[0, 3]].tolist() == [1, 4]
    assert numbers.bad.tolist() == [False, True, True, False, True]
