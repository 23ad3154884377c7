"""Values of every Arrow type -> the few types that the rest of the code knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

UUID_BYTES = 16

_MOST_UUIDS = 2**24
"""Rows: text of more UUIDs than this is cut into chunks, since 32 bits address the bytes of a chunk."""

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint8).reshape(256, 2)
_DASHES = (8, 13, 18, 23)
_DIGITS = [place for place in range(36) if place not in _DASHES]


def plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values of categories, runs and extension types themselves; UUIDs as text, other bytes as `binary`.

    A column of 16 bytes each is read as UUIDs, unless all of them are printable text.
    """
    chunks = [_plain(chunk) for chunk in values.chunks]
    kind = chunks[0].type if chunks else _plain(pa.nulls(0, values.type)).type
    whole = pa.chunked_array(chunks, kind)
    if not pa.types.is_fixed_size_binary(kind):
        return whole
    raw = pc.cast(whole, pa.binary())
    if kind.byte_width != UUID_BYTES or _is_printable(raw):
        return raw
    return pa.chunked_array([text for chunk in chunks for text in _uuid_texts(chunk)], pa.string())


def is_text(kind: pa.DataType) -> bool:
    """Whether the type holds text, or bytes that may be text."""
    tests = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")
    return any(getattr(pa.types, f"is_{test}")(kind) for test in tests)


def are_whole(values: pa.ChunkedArray) -> bool:
    """Whether floating-point numbers are all whole, and so small that none was rounded when it was stored."""
    digits = {16: 11, 32: 24, 64: 53}[values.type.bit_width]
    numbers = pc.cast(values, pa.float64())
    there = numbers.filter(pc.and_kleene(pc.is_valid(numbers), pc.invert(pc.is_nan(numbers))))
    if not len(there):
        return True
    small = pc.less_equal(pc.abs(there), float(2**digits))
    return bool(pc.all(pc.and_(small, pc.equal(pc.floor(there), there))).as_py())


def to_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Plain values as `string`: numbers in digits, whole ones without a fraction, times in ISO 8601; NaN is null.

    Raises:
        pa.ArrowException: values that have no text, such as lists.
    """
    kind = values.type
    if pa.types.is_floating(kind):
        numbers = pc.cast(values, pa.float64()) if pa.types.is_float16(kind) else values
        numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
        values = pc.cast(numbers, pa.int64()) if are_whole(values) else numbers
    elif pa.types.is_decimal(kind):
        values = _whole_decimals(values)
    elif pa.types.is_nested(kind):
        raise pa.ArrowTypeError(f"{kind} has no text")
    return pc.cast(values, pa.string())


def _whole_decimals(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decimals without their scale where no digit is lost by that."""
    try:
        return pc.cast(values, pa.decimal256(76, 0))
    except pa.ArrowInvalid:
        return values


def _plain(array: pa.Array) -> pa.Array:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return pa.chunked_array(_uuid_texts(array.storage), pa.string()).combine_chunks()
        storage = _plain(array.storage)
        return storage.cast(pa.bool_()) if kind.extension_name == "arrow.bool8" else storage
    if pa.types.is_dictionary(kind):
        return _plain(array.dictionary).take(array.indices)
    if pa.types.is_run_end_encoded(kind):
        rows = np.arange(array.offset, array.offset + len(array))
        runs = np.searchsorted(array.run_ends.to_numpy(), rows, side="right")
        return _plain(array.values).take(pa.array(runs))
    if pa.types.is_string_view(kind):
        return array.cast(pa.string())
    if pa.types.is_binary_view(kind):
        return array.cast(pa.binary())
    return array


def _is_printable(raw: pa.ChunkedArray) -> bool:
    try:
        text = pc.cast(raw, pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return not pc.any(pc.match_substring_regex(text, r"[\x00-\x1f\x7f]")).as_py()


def _uuid_texts(array: pa.Array) -> list[pa.Array]:
    """string[n] in pieces, from fixed_size_binary(16)[n]."""
    return [_uuid_text(array.slice(start, _MOST_UUIDS)) for start in range(0, len(array), _MOST_UUIDS)]


def _uuid_text(array: pa.Array) -> pa.Array:
    n, data = len(array), array.buffers()[1]
    raw: Any = np.frombuffer(data, np.uint8, n * UUID_BYTES, array.offset * UUID_BYTES).reshape(n, UUID_BYTES)
    letters = np.full((n, 36), ord("-"), np.uint8)
    letters[:, _DIGITS] = _HEX[raw].reshape(n, 2 * UUID_BYTES)
    ends = np.arange(0, 36 * (n + 1), 36, dtype=np.int32)
    text = pa.StringArray.from_buffers(n, pa.py_buffer(ends), pa.py_buffer(letters))
    return pc.if_else(array.is_valid(), text, None)
