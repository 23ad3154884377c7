"""Class labels: the text of a label in every format, and which labels of two formats are one class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.data.arrow_values import are_whole, to_text
from workbench.data.columns import plain_values
from workbench.data.features import MISSING
from workbench.data.ids import encode, natural_order
from workbench.data.tables import RawTable
from workbench.errors import DataError
from workbench.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

LISTED = 5
"""Labels that a message names."""


def as_classes(table: RawTable, column: str) -> tuple[pa.Array, tuple[str, ...]]:
    """(string[n], the label of each row; one line for each thing the user should know).

    A label is its text without spaces at both ends, so that `007`, `1e1` and `none` stay what they are; a row lacks a
    label where the value is null or empty. Truth values are `true` and `false`. Floating-point numbers that are all
    whole, as a typed format stores them, are read as whole numbers.

    Raises:
        DataError: text that is not UTF-8, nested values, or whole floating-point numbers too large to be exact.
    """
    values = plain_values(table, column)
    notes = []
    if pa.types.is_floating(values.type):
        values = _finite(values)
        whole = values.drop_null()
        if len(whole) and are_whole(values):
            notes.append(f"{column}: floating-point numbers, all whole, read as whole numbers")
        elif len(whole) and pc.all(pc.equal(pc.floor(whole), whole)).as_py():
            raise DataError(
                f"{table.name}, column {column}: labels are stored as floating-point numbers too large to be exact; "
                "store them as text or whole numbers"
            )
    try:
        text = pc.utf8_trim_whitespace(to_text(values)).combine_chunks()
    except pa.ArrowException as error:
        raise DataError(
            f"{table.name}, column {column} holds {values.type}; give text, truth values or whole numbers"
        ) from error
    text = pc.if_else(pc.equal(text, ""), None, text)
    with_nul = pc.sum(pc.match_substring(text, "\0")).as_py()
    if with_nul:
        text = pc.replace_substring(text, "\0", "\u2400")  # no database keeps a NUL
        notes.append(f"NUL stands in {counted(with_nul, 'value')} of {column}, read as \u2400")
    doubtful = text.filter(pc.is_in(pc.utf8_lower(text), value_set=pa.array(MISSING)))
    for each in sorted(pc.value_counts(doubtful).to_pylist(), key=lambda each: str(each["values"])):
        rows = counted(each["counts"], "row")
        notes.append(f"{column} {each['values']!r} is read as a class ({rows}); only an empty value is missing")
    return text, tuple(notes)


def known_classes(labels: pa.Array, classes: Sequence[str], column: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """(int32[n], the number of each label's class, -1 where it is unknown or missing; what the user should know).

    A label that another format writes otherwise is known too, where only one class can be meant: `True` and `true`,
    `1.0` and `1`.

    Args:
        labels: string[n].
        classes: of the run, in the order of their numbers.
        column: where the labels are from, for messages.
    """
    own = natural_order(labels.drop_null())
    forms, met = Counter(map(_form, classes)), Counter(map(_form, own.to_pylist()))
    by_form = {_form(label): label for label in classes}
    known = set(classes)
    same = {
        label: by_form[form]
        for label in own.to_pylist()
        if label not in known and forms[form := _form(label)] == 1 and met[form] == 1
    }
    meant = encode([same.get(label, label) for label in own.to_pylist()], pa.array(classes, pa.string()))
    numbers = np.append(meant, np.int32(-1))[encode(labels, own)]
    if not same:
        return numbers, ()
    note = f"{column} {listed(list(same))} read as {listed(list(same.values()))}, as the run's classes are written"
    return numbers, (note,)


def unmet(labels: pa.Array, classes: Sequence[str], *, all_are: bool, what: str = "row") -> str:
    """A line that says which labels are of no class of the run.

    Args:
        labels: string[n], those rows' alone.
        classes: of the run.
        all_are: whether no other rows are left.
        what: a row is called.
    """
    names = listed(natural_order(labels).to_pylist())
    if all_are:
        return f"none of its classes is known: {names}; the run's are {listed(classes)}"
    return f"left out: {counted(len(labels), what)} of classes that the run has not met: {names}"


def listed(labels: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(labels) - LISTED:,} more" if len(labels) > LISTED else ""
    return ", ".join(labels[:LISTED]) + more


def _finite(values: pa.ChunkedArray) -> pa.ChunkedArray:
    numbers = pc.cast(values, pa.float32()) if pa.types.is_float16(values.type) else values
    return pc.if_else(pc.is_finite(numbers), numbers, None)


def _form(label: str) -> str:
    """What other formats may write otherwise, in one way."""
    if label.lower() in ("true", "false"):
        return label.lower()
    whole = re.fullmatch(r"(-?(?:0|[1-9]\d*))(?:\.0+)?", label, re.ASCII)
    if whole is None:
        return label
    return "0" if whole[1] == "-0" else whole[1]
