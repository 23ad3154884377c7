"""The task: what the columns of a table mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench import DataError, Source
from workbench.blocks.supervised import Supervised
from workbench.data.examples import Examples
from workbench.data.features import as_numbers_or_missing, as_text_or_missing, holds_numbers, missing_words
from workbench.data.ids import encode, natural_order
from workbench.data.labelled import Labels
from workbench.data.tables import RawTable


@dataclass(frozen=True)
class Rows(Examples):
    """Examples: `numbers` float64[n, a], NaN where missing; `categories` int32[n, b], -1 where missing."""

    numbers: NDArray[np.float64]
    categories: NDArray[np.int32]


@dataclass(frozen=True)
class Columns(Labels):
    """The names of the columns that hold numbers; of those that hold categories, with the values of each."""

    numbers: list[str]
    categories: dict[str, list[str]]


class Tabular(Supervised[Rows]):
    """Predicts one column of a table from the others."""

    baseline = "constant"
    part = Rows
    encoding = Columns

    def encode(self, table: RawTable, labels: Labels) -> tuple[Columns, list[str]]:
        columns, left_out = Columns(labels.target, labels.classes, [], {}), []
        for name in (name for name in table.columns.column_names if name != labels.target):
            text = as_text_or_missing(table, name)
            values = text.drop_null().unique()
            is_number = holds_numbers(table, name)
            if len(values) + bool(text.null_count) < 2 or (not is_number and 2 * len(values) > len(text)):
                left_out.append(name)
            elif is_number:
                columns.numbers.append(name)
            else:
                columns.categories[name] = natural_order(values).to_pylist()
        if not columns.numbers and not columns.categories:
            raise DataError(f"{table.name}: no column beside {labels.target} holds numbers or categories to learn from")
        return columns, [f"left out, constant or without repeats: {', '.join(left_out)}"] if left_out else []

    def features(self, table: RawTable, encoding: Columns) -> tuple[Mapping[str, Any], list[str]]:
        n, notes = table.columns.num_rows, [*missing_words(table, [*encoding.numbers, *encoding.categories])]
        numbers = [np.empty((n, 0)), *(as_numbers_or_missing(table, name) for name in encoding.numbers)]
        codes = [np.empty((n, 0), np.int32)]
        for name, known in encoding.categories.items():
            text = as_text_or_missing(table, name)
            codes.append(encode(text, pa.array(known, pa.string())))
            unknown = int((codes[-1] < 0).sum()) - text.null_count
            notes += [f"{unknown:,} values of {name} are unknown and count as missing"] if unknown else []
        return {"numbers": np.column_stack(numbers), "categories": np.column_stack(codes)}, notes

    def sample(self) -> Source:
        return Source(made_up(seed=0, n=600), made_up=True)

    def example(self, seed: int) -> Source:
        return Source(made_up(seed, n=80), made_up=True)


def made_up(seed: int, n: int) -> pa.Table:
    """Two numbers, some of them missing, and a category; a class depends on one of each."""
    rng = np.random.default_rng(seed)
    size, weight, colour = rng.normal(size=n), rng.normal(size=n), rng.choice(["red", "green", "blue"], n)
    label = np.where(size + (colour == "red") + rng.normal(scale=0.3, size=n) > 0.5, "yes", "no")
    return pa.table({"size": pa.array(size, mask=weight > 1.5), "weight": weight, "colour": colour, "label": label})
