"""Answers as they are written."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.cli.tables import write_table
from workbench.errors import DataError


def written(table: pa.Table, path: Path) -> list[list[str]]:
    write_table(table, path, f"--output {path}")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, strict=True))


def test_names_of_columns_survive_as_values_do(tmp_path: Path) -> None:
    table = pa.table({"prediction": ["yes, it did"], 'p(yes, "it" did)': [0.75], "p(no)": [0.25]})
    assert written(table, tmp_path / "answers.csv") == [
        ["prediction", 'p(yes, "it" did)', "p(no)"],
        ["yes, it did", "0.75", "0.25"],
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_ids_and_labels_are_written_as_they_are(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "exact.csv"
    table = pa.table({"row": list(range(len(texts))), "prediction": texts})
    assert written(table, path)[1:] == [[str(row), text] for row, text in enumerate(texts)]


def test_what_a_spreadsheet_takes_for_a_formula_stays_what_it_is(tmp_path: Path) -> None:
    labels = ["-1", "+", "=1+1", "@SUM(1)", "-"]
    assert [row[0] for row in written(pa.table({"prediction": labels}), tmp_path / "a.csv")[1:]] == labels


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        (pa.array([["a", 'b"'], [], None]), ['["a", "b\\""]', "[]", ""]),
        (pa.array([{"x": 1, "y": "é"}]), ['{"x": 1, "y": "é"}']),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array(["a,b"], pa.large_string()), ["a,b"]),
    ],
)
def test_values_of_every_kind_have_a_cell(tmp_path: Path, values: Any, cells: list[str]) -> None:
    shown = written(pa.table({"row": list(range(len(values))), "values": values}), tmp_path / "a.csv")
    assert [row[1] for row in shown[1:]] == cells


def test_a_column_without_text_is_refused_before_the_file_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("good")
    with pytest.raises(DataError, match=r"^it: column 'raw' holds binary, which CSV cannot; name a \.parquet file$"):
        write_table(pa.table({"raw": [b"\xff"]}), path, "it")
    with pytest.raises(DataError, match=r"column 'lists' holds list<.*: binary>"):
        write_table(pa.table({"lists": [[b"\xff"]]}), path, "it")
    assert path.read_text() == "good"
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_parquet_keeps_the_lists(tmp_path: Path) -> None:
    table = pa.table({"lists": [["a", "b"], []]})
    write_table(table, tmp_path / "a.parquet", "it")
    assert pq.read_table(tmp_path / "a.parquet").equals(table)
    assert json.dumps(table.to_pylist()) == '[{"lists": ["a", "b"]}, {"lists": []}]'
