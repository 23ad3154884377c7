"""Whether two values of the contract are alike, and where not."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.contract.metric import Evaluation

CLOSE = 1e-6
"""By which share numbers may differ where they are compared roughly."""


def difference(one: Any, other: Any, where: str = "", close: float = 0.0) -> str:
    """The first place where two values differ, and how; empty if they are alike.

    Goes into dataclasses (what a part has computed and cached is compared too), mappings, sequences, arrays, sparse
    matrices and Arrow's arrays and tables. What is none of these is taken to be alike.

    Args:
        where: the name of what is compared.
        close: the share by which numbers may differ.
    """
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        names = {field.name for field in dataclasses.fields(one)} | set(getattr(one, "__dict__", ()))
        pairs = {name: (getattr(one, name), getattr(other, name, None)) for name in sorted(names)}
        return _first(pairs, where, close)
    if isinstance(one, Mapping):
        if not isinstance(other, Mapping) or set(one) != set(other):
            return f"{where}: {sorted(map(str, one))} against {_listed(other)}"
        return _first({str(key): (value, other[key]) for key, value in one.items()}, where, close)
    if isinstance(one, np.ndarray | np.generic | pa.Array | pa.ChunkedArray) or _is_numbers(one):
        return _of_arrays(_array(one), _array(other), where, close)
    if isinstance(one, pa.Table):
        return "" if isinstance(other, pa.Table) and one.equals(other) else f"{where}: the tables differ"
    if hasattr(one, "indptr"):
        parts = ("data", "indices", "indptr")
        return _first({name: (getattr(one, name), getattr(other, name, None)) for name in parts}, where, close)
    if isinstance(one, list | tuple):
        if not isinstance(other, list | tuple) or len(one) != len(other):
            return f"{where}: {len(one)} against {_listed(other)}"
        return _first({f"[{n}]": pair for n, pair in enumerate(zip(one, other, strict=True))}, where, close)
    if isinstance(one, bool | int | float | str | None) and not _alike(one, other, close):
        return f"{where} is {_short(one)} against {_short(other)}"
    return ""


def of_evaluations(one: Evaluation, other: Evaluation, close: float = 0.0) -> str:
    """Where two evaluations differ in metrics, values per example or answers."""
    parts = ("metrics", "per_example", "answers")
    return _first({name: (getattr(one, name), getattr(other, name)) for name in parts}, "", close)


def rows_of(part: Any) -> Counter[tuple[Any, ...]]:
    """How often a part holds each row: those of its arrays that are as long as its first, read side by side."""
    columns = {
        field.name: _array(value)
        for field in dataclasses.fields(part)
        if isinstance(value := getattr(part, field.name), np.ndarray | pa.Array | pa.ChunkedArray | pa.Table)
        and not isinstance(value, pa.Table)
    }
    length = len(next(iter(columns.values()), ()))
    alike = [values for values in columns.values() if values.ndim and len(values) == length]
    return Counter(zip(*(map(_cell, values) for values in alike), strict=True)) if alike else Counter()


def _cell(value: Any) -> Any:
    return value.tobytes() if isinstance(value, np.ndarray | np.generic) else value


def _first(pairs: Mapping[str, tuple[Any, Any]], where: str, close: float) -> str:
    for name, (one, other) in pairs.items():
        inner = f"{where}{name}" if name.startswith("[") else f"{where}.{name}" if where else name
        if found := difference(one, other, inner, close):
            return found
    return ""


def _of_arrays(one: Any, other: Any, where: str, close: float) -> str:
    if getattr(other, "shape", None) != one.shape:
        return f"{where}: shape {one.shape} against {getattr(other, 'shape', type(other).__name__)}"
    if one.dtype.kind in "fc" and close:
        same = np.isclose(one, other, rtol=close, atol=close, equal_nan=True)
    elif one.dtype.kind == "f" and other.dtype.kind == "f":
        same = (one == other) | (np.isnan(one) & np.isnan(other))
    else:
        same = np.asarray(one == other)
    if same.all():
        return ""
    at = tuple(int(n) for n in np.argwhere(~np.atleast_1d(same))[0])
    places = f"[{', '.join(map(str, at))}]" if one.ndim else ""
    values = f"{_short(np.atleast_1d(one)[at])} against {_short(np.atleast_1d(other)[at])}"
    many = f" ({int((~same).sum()):,} of {one.size:,} differ)" if one.size > 1 else ""
    return f"{where}{places} is {values}{many}"


def _alike(one: Any, other: Any, close: float) -> bool:
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=close, abs_tol=close) or (math.isnan(one) and math.isnan(other))
    return type(one) is type(other) and bool(one == other)


def _is_numbers(value: Any) -> bool:
    """A list that JSON has made of an array."""
    return isinstance(value, list) and bool(value) and all(type(each) in (int, float) for each in value)


def _array(value: Any) -> Any:
    if isinstance(value, pa.Array | pa.ChunkedArray):
        return np.asarray(value.to_pylist(), dtype=object)
    return np.asarray(value)


def _short(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(sorted(map(str, value)))
    return str(len(value)) if isinstance(value, list | tuple) else type(value).__name__
