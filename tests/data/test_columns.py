"""Columns become ids, numbers and times, or an error that names the file, the row and the column."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.columns import Checked, as_ids, as_numbers, find_columns, listed
from workbench.data.interaction_columns import ROLES
from workbench.data.tables import RawTable
from workbench.errors import DataError


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
    with pytest.raises(
        DataError, match=r"^r\.csv: no user column and no item column among a, b; say which with --user-.* and --item-"
    ):
        columns("a", "b")
    with pytest.raises(DataError, match=r"^r\.csv: user and userId could each .*; no item column among user, userId; "):
        columns("user", "userId")
    with pytest.raises(DataError, match="among a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 and 30 more; say which"):
        columns(*(f"a{number}" for number in range(40)))
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
    assert said == (
        "r.csv, column x: ids are floating-point numbers, not whole or too large to be exact; store them as text"
    )


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


@pytest.mark.parametrize("text", ["", "NA", "nan", "inf", "-Infinity", "abc", "0x10", "1_0", "1,234,5", "1e", "٣"])
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


def test_commas_between_thousands_are_not_taken_for_decimal_ones() -> None:
    said = refusal(as_numbers, ["1,000", "12", "1,250,000", "870,500"])
    assert said.endswith("a comma between thousands has to be taken out; or if it is a decimal comma: pass --decimal ,")
    assert refusal(as_numbers, ["1,000", "0,125"]).endswith("it looks like a decimal comma: pass --decimal ,")


def test_ids_with_line_ends_are_read_and_remarked() -> None:
    rows = checked(["a", "b\nc", "d\r"])
    assert as_ids(rows, "x").to_pylist() == ["a", "b\nc", "d\r"]
    assert rows.notes == ["line ends in 2 ids of x, the first at line 3"]


def test_columns_without_a_name_are_listed_as_such() -> None:
    assert listed(["", "a", " "]) == "(no name), a, (no name)"


def test_numbers_may_have_decimal_commas() -> None:
    assert as_numbers(checked(["3,5", " -1,25e1", ",5", "7"]), "x", ",").tolist() == [3.5, -12.5, 0.5, 7]
    with pytest.raises(DataError) as caught:
        as_numbers(checked(["1", "3,0", "4,5"]), "x")
    assert str(caught.value) == (
        "r.csv, line 3, column x: '3,0' is not a number (2 such rows); it looks like a decimal comma: pass --decimal ,"
    )
    with pytest.raises(DataError, match=r"'3\.5' is not a number with a decimal comma; it looks like a decimal point"):
        as_numbers(checked(["3.5"]), "x", ",")
    with pytest.raises(DataError, match=r"'1\.234,5' is not a number with a decimal comma; fix"):
        as_numbers(checked(["1.234,5"]), "x", ",")


def test_bad_rows_are_gathered_when_they_are_to_be_skipped() -> None:
    numbers = checked(["1", "x", "inf", "4", "1e99"], skip=True)
    assert as_numbers(numbers, "x")[[0, 3]].tolist() == [1, 4]
    assert numbers.bad.tolist() == [False, True, True, False, True]
    assert numbers.notes[0].startswith("skipped: 2 rows, the first at line 3, column x: 'x'")
