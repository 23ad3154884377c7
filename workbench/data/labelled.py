"""Tables with a column to predict: which it is, which rows have it, and whether it holds classes or numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.contract.task import Option, Source
from workbench.data.classes import as_classes, known_classes, unmet
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
        seen: uint64[m], the `Examples.contents` of what the run's models were fitted on; empty where that is not known.
    """

    target: str
    classes: list[str]
    seen: NDArray[np.uint64] = field(
        default_factory=lambda: np.empty(0, np.uint64), kw_only=True, repr=False, compare=False
    )


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

    Without option `kind` the target is a class where its values are text, numbers with leading zeros, or whole numbers
    of which at most `MOST_NUMBERED_CLASSES` are distinct and each comes four times on average. A class is called by its
    text (`workbench.data.classes.as_classes`).

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
    checked = Checked(table, source.on_bad_rows)
    kind = options.get("kind") if known is None else KINDS[not known.classes]
    kind, of_kind = (kind, ()) if kind is not None else _kind_of(table, column)
    reading = _read_numbers if kind == REGRESSION else _read_classes
    target, classes, notes = reading(checked, column, None if known is None else known.classes)
    good = checked.good_rows()
    good = good[target[good] >= 0] if kind == CLASSIFICATION else good
    if known is None and len(np.unique(target[good])) < 2:
        raise DataError(f"{table.name}, column {column}: fewer than two distinct values are there to learn from")
    kept = replace(
        table,
        columns=table.columns.take(pa.array(good)),
        keys=table.row_keys.take(pa.array(good)),
        where=lambda row: table.where(int(good[row])),
    )
    said = (*table.notes, *checked.notes, *of_kind, *notes)
    return Labelled(kept, good + 1, target[good], Labels(column, classes), said, checked.skipped)


def _read_numbers(
    checked: Checked, column: str, known: Sequence[str] | None
) -> tuple[NDArray[np.float64], list[str], tuple[str, ...]]:
    """(the target, no classes, nothing to know)."""
    target = as_numbers_or_missing(checked.table, column)
    checked.refuse(np.isnan(target), column, checked.table.columns.column(column), "a value to predict")
    return target, [], ()


def _read_classes(
    checked: Checked, column: str, known: Sequence[str] | None
) -> tuple[NDArray[np.int32], list[str], tuple[str, ...]]:
    """(the target, -1 where a class is unknown; the classes, those known if there are; what the user should know)."""
    table = checked.table
    labels, notes = as_classes(table, column)
    missing = labels.is_null().to_numpy(zero_copy_only=False)
    checked.refuse(missing, column, table.columns.column(column), "a value to predict")
    if known is None:
        classes = natural_order(labels.drop_null())
        return encode(labels, classes), classes.to_pylist(), notes
    target, read = known_classes(labels, known, column)
    strange = labels.filter(pa.array((target < 0) & ~missing))
    if len(strange):
        all_are = not (target >= 0).any()
        line = unmet(strange, known, all_are=all_are)
        if all_are:
            raise DataError(f"{table.name}, column {column}: {line}")
        notes = (*notes, line)
    return target, list(known), (*notes, *read)


def _kind_of(table: RawTable, column: str) -> tuple[str, tuple[str, ...]]:
    """(the kind of a target for which the user named none, what the user should know)."""
    if not holds_numbers(table, column):
        return CLASSIFICATION, ()
    text = as_text_or_missing(table, column)
    if pc.any(pc.match_substring_regex(text, r"^[+-]?0\d")).as_py():
        return CLASSIFICATION, (f"{column} holds leading zeros, read as classes; else pass --kind regression",)
    if _are_classes(text, as_numbers_or_missing(table, column)):
        return CLASSIFICATION, (
            f"{column} holds few distinct whole numbers, read as classes; else pass --kind regression",
        )
    return REGRESSION, ()


def _are_classes(text: pa.Array, numbers: NDArray[np.float64]) -> bool:
    there = numbers[np.isfinite(numbers)]
    few = pc.count_distinct(text).as_py() <= min(MOST_NUMBERED_CLASSES, max(2, len(there) // 4))
    return bool(few and np.all(there % 1 == 0))
