"""Ids <-> numbers. Ids are numbered in natural order: digits in them compare as numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray


def natural_order(ids: pa.Array) -> pa.Array:
    """The distinct ids in natural order: `"i9"` before `"i10"`; equal numbers by their text (`"007"`, `"7"`)."""
    distinct = pc.unique(ids)
    if isinstance(distinct, pa.ChunkedArray):
        distinct = distinct.combine_chunks()
    if pc.all(pc.match_substring_regex(distinct, r"^(0|[1-9]\d{0,17})$")).as_py():
        return distinct.take(pc.array_sort_indices(pc.cast(distinct, pa.int64())))
    return pa.array(sorted(distinct.to_pylist(), key=natural_key), pa.string())


def natural_key(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key under which digits compare as numbers, however many there are."""
    key = []
    for part in filter(None, re.split(r"([0-9]+)", text)):
        digits = part.lstrip("0")
        key.append((0, len(digits), digits) if part.isdigit() and part.isascii() else (1, 0, part))
    return key, text


def encode(ids: Sequence[str] | pa.Array | pa.ChunkedArray, known: pa.Array) -> NDArray[np.int32]:
    """int32[n]: the number of each id in `known`, -1 for unknown ones."""
    values = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else pa.array(list(ids), pa.string())
    found = pc.fill_null(pc.index_in(values, value_set=known), -1)
    return np.asarray(
        found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy(), np.int32
    )
