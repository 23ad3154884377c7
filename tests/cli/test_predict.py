"""Answers as they are written."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa

from workbench.cli.predict import _write


def test_names_of_columns_survive_as_values_do(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    _write(pa.table({"prediction": ["yes, it did"], 'p(yes, "it" did)': [0.75], "p(no)": [0.25]}), path)
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["prediction", 'p(yes, "it" did)', "p(no)"],
            ["yes, it did", "0.75", "0.25"],
        ]
