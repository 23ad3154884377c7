"""A class label is text: what it is in every format, and which labels of two formats are one class."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.contract.task import Source
from workbench.data.classes import as_classes, known_classes, unmet
from workbench.data.tables import RawTable, read_table
from workbench.errors import DataError

ODD = ["007", "7", "1e1", "10", "1.0", "1", "-0", "0", "+1", "none", "NA", "null", "nan", "?", "n/a", "true", "True"]
ODD += ["900719925474099301", "900719925474099302", "0.10", "0.1", "inf", "<NA>", "a, b", 'say "b"', "ein Maß", "好"]

LABELS = st.one_of(
    st.sampled_from(ODD),
    st.integers(0, 10**20).map(str),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8),
)


def table_of(values) -> RawTable:
    table = values if isinstance(values, pd.DataFrame) else pa.table({"label": values})
    return read_table(table, Source(table))


def classes_of(values) -> list[str | None]:
    return as_classes(table_of(values), "label")[0].to_pylist()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.lists(LABELS, min_size=1, max_size=12))
def test_labels_stay_what_they_are_through_every_format(tmp_path: Path, labels: list[str]) -> None:
    rows = [{"text": f"text {number}", "label": label} for number, label in enumerate(labels)]
    with (tmp_path / "x.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"])
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    pq.write_table(pa.table({"label": pa.array(labels).dictionary_encode()}), tmp_path / "categories.parquet")
    paths = [tmp_path / name for name in ("x.csv", "x.jsonl", "x.parquet", "categories.parquet")]
    for data in (*paths, pd.DataFrame(rows), pd.DataFrame(rows).astype({"label": "category"})):
        found, _ = as_classes(read_table(data, Source(data)), "label")
        assert found.to_pylist() == labels


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([7, 900719925474099301, None]), ["7", "900719925474099301", None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([1.0, -0.0, float("nan"), None, float("inf")]), ["1", "0", None, None, None]),
        (pa.array([0.1, 1.0, float("-inf")], pa.float32()), ["0.1", "1", None]),
        (pa.array(["a", " ", "", None, " b "]), ["a", None, None, None, "b"]),
        (pa.array([None, None], pa.null()), [None, None]),
        (pa.array(["a\0b"]), ["a\u2400b"]),
        (pa.array(["1.00", "2.00"]).cast(pa.decimal128(5, 2)), ["1", "2"]),
        (pa.array(["1.50", "2.00"]).cast(pa.decimal128(5, 2)), ["1.50", "2.00"]),
        (pa.array([1.0, None], pa.float16()), ["1", None]),
        (pa.array([b"\0" * 15 + b"\1"], pa.binary(16)), ["00000000-0000-0000-0000-000000000001"]),
    ],
)
def test_what_a_label_is_in_a_typed_format(values, expected: list[str | None]) -> None:
    assert classes_of(values) == expected


def test_a_data_frame_lacks_labels_where_it_has_nan() -> None:
    assert classes_of(pd.DataFrame({"label": ["nan", np.nan, None]})) == ["nan", None, None]
    assert classes_of(pd.DataFrame({"label": [1, None]})) == ["1", None]


def test_what_is_read_otherwise_than_it_is_stored_is_said() -> None:
    assert as_classes(table_of([1.0, 2.0]), "label")[1] == (
        "label: floating-point numbers, all whole, read as whole numbers",
    )
    assert as_classes(table_of([0.5, 2.0]), "label")[1] == as_classes(table_of(["1.0", "a"]), "label")[1] == ()
    assert as_classes(table_of(["none", "NA", "a", "none", ""]), "label")[1] == (
        "label 'NA' is read as a class (1 row); only an empty value is missing",
        "label 'none' is read as a class (2 rows); only an empty value is missing",
    )
    assert as_classes(table_of(["a\0b", "b"]), "label")[1] == ("NUL stands in 1 value of label, read as \u2400",)


def test_whole_floats_that_may_have_been_changed_are_refused() -> None:
    assert classes_of([2.0**53]) == ["9007199254740992"]
    with pytest.raises(DataError, match="label: labels are stored as floating-point numbers too large to be exact"):
        classes_of([2.0**53 + 2])


def test_lists_are_refused() -> None:
    with pytest.raises(DataError, match="column label holds list"):
        classes_of([["a"], ["b"]])


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (["True", "FALSE"], ["false", "true"], [1, 0]),
        (["true"], ["True", "true"], [1]),
        (["TRUE"], ["True", "true"], [-1]),
        (["True", "TRUE"], ["true"], [-1, -1]),
        (["true", "True"], ["true"], [0, -1]),
        (["1", "0"], ["0.0", "1.0"], [1, 0]),
        (["1.0", "-0.00"], ["0", "1"], [1, 0]),
        (["01", "+1", "1e0"], ["1"], [-1, -1, -1]),
        (["12345678901234567890.0", None], ["12345678901234567890"], [0, -1]),
        (["Good"], ["good"], [-1]),
    ],
)
def test_a_label_of_another_format_is_known_where_one_class_can_be_meant(labels, classes, expected) -> None:
    found, notes = known_classes(pa.array(labels, pa.string()), classes, "label")
    assert found.tolist() == expected
    assert bool(notes) == any(
        number >= 0 and label not in classes for label, number in zip(labels, expected, strict=True)
    )


def test_what_is_unknown_is_named() -> None:
    strange = pa.array(["b", "a", "b"])
    assert unmet(strange, ["x"], all_are=True) == "none of its classes is known: a, b; the run's are x"
    assert unmet(strange, ["x"], all_are=False, what="image") == (
        "left out: 3 images of classes that the run has not met: a, b"
    )
    many = pa.array([str(number) for number in range(9)])
    assert unmet(many, ["x"], all_are=False).endswith(": 0, 1, 2, 3, 4 and 4 more")
