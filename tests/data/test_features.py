"""Columns with missing values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from workbench.contract.task import Source
from workbench.data.features import as_numbers_or_missing, as_text_or_missing, holds_numbers, missing_words
from workbench.data.tables import RawTable, read_table
from workbench.errors import DataError


def table_of(values) -> RawTable:
    table = pa.table({"x": values})
    return read_table(table, Source(table))


@pytest.mark.parametrize("missing", ["", " ", "NA", "n/a", "NaN", "null", "None", "?"])
def test_what_stands_for_a_missing_value(missing: str) -> None:
    table = table_of(["1.5", missing, " 2 "])
    assert as_text_or_missing(table, "x").to_pylist() == ["1.5", None, "2"]
    assert np.array_equal(as_numbers_or_missing(table, "x"), [1.5, np.nan, 2.0], equal_nan=True)
    assert holds_numbers(table, "x")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, None, 3]), [1, np.nan, 3]),
        (pa.array([1.5, float("nan"), float("inf")]), [1.5, np.nan, np.nan]),
        (pa.array(["1", None, "-2e3"]), [1, np.nan, -2000]),
        (pa.array(["5", "6", "5"]).dictionary_encode(), [5, 6, 5]),
        (pa.array([None, None], pa.string()), [np.nan, np.nan]),
        (pa.array([None, None], pa.null()), [np.nan, np.nan]),
    ],
)
def test_numbers(values, expected) -> None:
    assert np.array_equal(as_numbers_or_missing(table_of(values), "x"), expected, equal_nan=True)


@pytest.mark.parametrize(
    "values", [["1", "two"], [None, ""], pa.array([True, False]), pa.array([0, 1], pa.timestamp("s"))]
)
def test_what_holds_no_numbers(values) -> None:
    assert not holds_numbers(table_of(values), "x")


def test_text_among_numbers_is_named_with_its_row() -> None:
    with pytest.raises(DataError, match=r"row 2, column x: 'two' is not a number"):
        as_numbers_or_missing(table_of(["1", "two"]), "x")


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="no column 'y'; it has x"):
        as_text_or_missing(table_of(["1"]), "y")


def test_words_that_are_read_as_missing_are_counted() -> None:
    table = read_table(pa.table({"x": ["1", "NA", "?", "NA", ""], "y": ["a", None, "", "b", "c"]}), Source(None))
    assert missing_words(table, ["x", "y"]) == ("read as missing: '?' in x (1), 'NA' in x (2)",)
    assert missing_words(table, ["y"]) == missing_words(table_of([1.0, None]), ["x"]) == ()


def test_lists_are_refused() -> None:
    intervals = table_of(pa.array([(1, 2, 3)], pa.month_day_nano_interval()))
    with pytest.raises(DataError, match="column x holds month_day_nano_interval; give numbers or text"):
        as_text_or_missing(intervals, "x")
    with pytest.raises(DataError, match="column x holds list"):
        as_text_or_missing(table_of([[1], [2]]), "x")


def test_numbers_are_not_changed_in_place() -> None:
    values = pa.array([1.0, np.inf])
    as_numbers_or_missing(table_of(values), "x")
    assert values.to_pylist() == [1.0, np.inf]
