"""Tables with a column to predict: which it is, which rows have it, and whether it holds classes or numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.contract.task import Option, Source
from workbench.data.columns import Checked, find_columns
from workbench.data.features import as_numbers_or_missing, as_text_or_missing, holds_numbers
from workbench.data.ids import encode, natural_order
from workbench.data.tables import RawTable, read_table
from workbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS = CLASSIFICATION, REGRESSION = "classification", "regression"

OPTIONS = {
    "target": Option("the column to predict; else the one called target, label, class or y"),
    "kind": Option("whether the target is a class or a number; else as its values are", KINDS),
}

NAMES = ("target", "label", "class", "y")

MOST_NUMBERED_CLASSES = 20
"""Whole numbers of more distinct values than this are amounts, no classes."""


@dataclass(frozen=True)
class Labels:
    """The base of encodings: the column to predict, and what its classes are called.

    Args:
        target: the name of the column.
        classes: in natural order, as text; empty where a number is predicted.
    """

    target: str
    classes: list[str]


@dataclass(frozen=True)
class Labelled:
    """The rows of a table that can be learned from or scored on.

    Args:
        table: those rows.
        rows: int64[n], which of all that were read each is, from 1.
        target: int32[n], numbers of classes, or float64[n].
        labels: what they mean.
        notes: one line for each thing the user should know.
        skipped: how many rows were left out.
    """

    table: RawTable
    rows: NDArray[np.int64]
    target: NDArray[Any]
    labels: Labels
    notes: tuple[str, ...]
    skipped: int


def read_labelled(
    data: Any,
    source: Source,
    options: Mapping[str, str],
    known: Labels | None = None,
    names: Sequence[str] = NAMES,
) -> Labelled:
    """Read a table that has the column to predict.

    Without option `kind` the target is a class where its values are text, or whole numbers of which at most
    `MOST_NUMBERED_CLASSES` are distinct and each comes four times on average.

    Args:
        data: a path or a table: `source.data` or `source.test_data`; or what was read of it.
        source: says the text encoding and what to do with bad rows, to which those without a target belong.
        options: of the task, see `OPTIONS`.
        known: what models were fitted on; rows of other classes are left out. None takes what is found.
        names: what the column may be called where option `target` does not say.

    Raises:
        DataError: the table cannot be read, has no such column, or nothing can be learned from that.
    """
    table = data if isinstance(data, RawTable) else read_table(data, source)
    given = {"target": options.get("target") if known is None else known.target}
    column = find_columns(table, {"target": names}, given, ["target"], flag="--{}")["target"]
    checked, notes = Checked(table, source.on_bad_rows), []
    text = pc.replace_substring(as_text_or_missing(table, column), "\0", "\u2400")  # no database keeps a NUL
    missing = text.is_null().to_numpy(zero_copy_only=False)
    checked.refuse(missing, column, table.columns.column(column), "a value to predict")
    kind = options.get("kind") if known is None else KINDS[not known.classes]
    numbers = as_numbers_or_missing(table, column) if kind == REGRESSION or holds_numbers(table, column) else None
    if kind is None:
        kind = KINDS[numbers is not None and not _are_classes(numbers)]
        if numbers is not None and kind == CLASSIFICATION:
            notes.append(f"{column} holds few distinct whole numbers, read as classes; else pass --kind regression")
    target: NDArray[Any]
    if numbers is not None and kind == REGRESSION:
        target, classes = numbers, pa.array([], pa.string())
    else:
        if numbers is not None and not (numbers % 1 > 0).any():  # 1.0 and 1 are one class
            text = pc.cast(pa.array(np.nan_to_num(numbers).astype(np.int64), mask=missing), pa.string())
        classes = natural_order(text.drop_null()) if known is None else pa.array(known.classes, pa.string())
        target = encode(text, classes)
    unmet = (target < 0) & ~missing & (kind == CLASSIFICATION)
    if unmet.any():
        notes.append(f"left out: {int(unmet.sum()):,} rows of classes that the run has not met")
    good = np.setdiff1d(checked.good_rows(), np.flatnonzero(unmet))
    if not len(good) or (known is None and len(np.unique(target[good])) < 2):
        raise DataError(f"{table.name}, column {column}: fewer than two distinct values are there to learn from")
    kept = replace(table, columns=table.columns.take(pa.array(good)), where=lambda row: table.where(int(good[row])))
    labels = Labels(column, classes.to_pylist())
    return Labelled(kept, good + 1, target[good], labels, (*table.notes, *checked.notes, *notes), checked.skipped)


def _are_classes(numbers: NDArray[np.float64]) -> bool:
    there = numbers[np.isfinite(numbers)]
    distinct = np.unique(there)
    few = len(distinct) <= min(MOST_NUMBERED_CLASSES, max(2, len(there) // 4))
    return bool(few and np.all(distinct % 1 == 0))
