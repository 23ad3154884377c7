"""JSON lines, and arrays of objects, into Arrow tables: bounded in depth before Arrow sees them, faults by line."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.contract.task import file_name
from workbench.data.files import opened
from workbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEEPEST = 100
"""Brackets that may be open at once; parsers of JSON use the processor's stack for each."""

LARGE_BLOCK = 2**28
"""Bytes: no line may be longer."""

EXACT = 2.0**53
"""Above it not every whole number is one of floating point."""

_BLOCK = 1 << 20
"""Bytes that are looked at together, so that they stay in the processor's cache."""

_OTHER, _QUOTE, _OPEN, _CLOSE, _LINE, _RETURN, _COMMA = range(7)

_KINDS = np.zeros(256, dtype=np.uint8)
_KINDS[[*b'"[{]}\n\r,']] = (_QUOTE, _OPEN, _OPEN, _CLOSE, _CLOSE, _LINE, _RETURN, _COMMA)


def read_json_lines(path: Path) -> tuple[pa.Table, Callable[[int], str]]:
    """(the table, row number from 0 -> `"line 18"`) of a file with an object on each line.

    Raises:
        DataError: what is wrong, on which line.
    """
    objects = _check_depth(path)
    table = _table(path, lambda: opened(path), lambda: enumerate(_raw_lines(path), 1), "line")
    if table.num_rows != objects:  # Arrow reads several objects on a line as well
        fault = _fault(path, lambda: enumerate(_raw_lines(path), 1), "line")
        raise DataError(fault or f"{file_name(path)}: not one JSON object on each line")

    def where(row: int) -> str:
        return next(f"line {line}" for nth, (line, _) in enumerate(_filled(_raw_lines(path))) if nth == row)

    return table, where


def read_json_array(path: Path) -> tuple[pa.Table, Callable[[int], str]]:
    """As `read_json_lines`, of a file that is one array of objects; rows are `"element 18"`.

    Raises:
        DataError: what is wrong, in which element.
    """
    with opened(path) as stream:
        content = stream.read().removeprefix(codecs.BOM_UTF8).strip()
    lines = _split(path, content)
    table = _table(path, lambda: pa.BufferReader(lines), lambda: enumerate(io.BytesIO(lines), 1), "element")
    if table.num_rows != lines.count(b"\n") + 1:
        raise _no_array(path)
    return table, lambda row: f"element {row + 1}"


Lines = Callable[[], Iterator[tuple[int, bytes]]]


def _table(path: Path, stream: Callable[[], Any], lines: Lines, kind: str) -> pa.Table:
    """Parse JSON lines whose depth is known; a column that Arrow changes is read once more as what it is."""
    try:
        table = _parse(stream)
        kept = [field.with_type(pa.string()) for field in table.schema if pa.types.is_timestamp(field.type)]
        for name in _too_large(table):
            kept += _whole(stream, name)
        if kept:
            table = _parse(stream, kept)
            text = [
                field.with_type(pa.string()) if pa.types.is_decimal(field.type) else field for field in table.schema
            ]
            table = table.cast(pa.schema(text))
        table.validate(full=True)  # Arrow takes bytes within texts as they are
    except pa.ArrowException as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(_fault(path, lines, kind) or f"{file_name(path)}: {reason}") from error
    if not table.num_columns:
        raise DataError(f"{file_name(path)} has no rows")
    return table


def _whole(stream: Callable[[], Any], name: str) -> list[pa.Field]:
    """A field that keeps a column of whole numbers exact; none where some are no whole ones."""
    field = pa.field(name, pa.decimal128(38))
    try:
        _parse(stream, [field])
    except pa.ArrowInvalid:
        return []
    return [field]


def _too_large(table: pa.Table) -> Iterator[str]:
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_floating(column.type) and pc.any(pc.greater_equal(pc.abs(column), EXACT)).as_py():
            yield name


def _parse(stream: Callable[[], Any], kept: list[pa.Field] | None = None) -> pa.Table:
    import pyarrow.json as pj

    options = pj.ParseOptions(explicit_schema=pa.schema(kept)) if kept else None
    try:
        return pj.read_json(stream(), parse_options=options)
    except pa.ArrowInvalid as error:
        if "block" not in str(error):
            raise
        return pj.read_json(stream(), read_options=pj.ReadOptions(block_size=LARGE_BLOCK), parse_options=options)


def _raw_lines(path: Path) -> Iterator[bytes]:
    with io.BufferedReader(opened(path)) as lines:
        yield next(lines, b"").removeprefix(codecs.BOM_UTF8)
        yield from lines


def _filled(lines: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """(its number, the line) of every line that is not blank."""
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


@dataclass(frozen=True)
class _Marks:
    """What gives JSON its form, outside of texts.

    Args:
        places: of brackets, line ends, carriage returns and commas outside of texts.
        kinds: which each is.
        depth: int64, how many brackets are open after each.
        in_text: whether a text is open at the end.
    """

    places: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    depth: NDArray[np.int64]
    in_text: bool

    @classmethod
    def of(cls, content: NDArray[np.uint8]) -> _Marks:
        kinds = _KINDS[content]
        places = np.flatnonzero(kinds)
        kinds = kinds[places]
        quotes = kinds == _QUOTE
        quotes[quotes] = ~_are_escaped(content, places[quotes])
        inside = (np.cumsum(quotes, dtype=np.int64) % 2).astype(bool)
        form = ~inside & (kinds != _QUOTE)
        places, kinds = places[form], kinds[form]
        step = (kinds == _OPEN).astype(np.int64) - (kinds == _CLOSE)
        return cls(places, kinds, np.cumsum(step), bool(len(inside) and inside[-1]))


def _are_escaped(content: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether an odd number of backslashes stands before each place."""
    slashes = np.flatnonzero(content == ord("\\"))
    if not len(slashes):
        return np.zeros(len(places), dtype=bool)
    starts = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)  # of each row of backslashes
    ends = np.append(starts[1:], len(slashes)) - 1
    row = np.searchsorted(slashes[ends], places) - 1
    touches = (row >= 0) & (slashes[ends][row] == places - 1)
    escaped: NDArray[np.bool_] = touches & ((ends - starts)[row] % 2 == 0)
    return escaped


def _check_depth(path: Path) -> int:
    """How many lines are not blank, none of which nests too deep or leaves open what it opens.

    Raises:
        DataError: one does, and which.
    """
    number, rest, filled = 1, b"", 0
    with opened(path) as stream:
        while True:
            block = stream.read(_BLOCK)
            whole, end, rest = (rest + block).rpartition(b"\n") if block else (rest, b"\n", b"")
            lines = whole + end
            if lines:
                _check_lines(path, lines, number)
                number += lines.count(b"\n")
                filled += sum(map(bool, map(bytes.strip, lines.removeprefix(codecs.BOM_UTF8).split(b"\n"))))
            if not block:
                return filled
            if len(rest) > LARGE_BLOCK:
                raise DataError(f"{file_name(path)}, line {number}: longer than {LARGE_BLOCK >> 20} MiB")


def _is_shallow(content: NDArray[np.uint8]) -> bool:
    """Whether each line is an object, with no more brackets than may be open at once: a quick look.

    No bracket stays open beyond such a line, as no JSON goes on with `{` behind `}`.
    """
    ends = np.flatnonzero(content[:-1] == ord("\n"))
    opens = np.flatnonzero((content & 0xDF) == ord("["))  # and "{", which differs from "[" by that bit alone
    lines = np.searchsorted(ends, opens)
    return bool(
        content[0] == ord("{")
        and content[-2:-1] == ord("}")
        and (content[ends - 1] == ord("}")).all()
        and (content[ends + 1] == ord("{")).all()
        and (lines[DEEPEST:] != lines[: max(0, len(lines) - DEEPEST)]).all()
    )


def _check_lines(path: Path, lines: bytes, number: int) -> None:
    content = np.frombuffer(lines, dtype=np.uint8)
    if len(content) > 1 and _is_shallow(content):
        return
    marks = _Marks.of(content)
    ends = marks.places[marks.kinds == _LINE]
    open_at_ends = marks.depth[marks.kinds == _LINE]
    n_ends = lines.count(b"\n")
    if len(ends) == n_ends and not open_at_ends.any() and (not len(marks.depth) or marks.depth.max() <= DEEPEST):
        return
    for line in lines.splitlines(keepends=True):
        own = _Marks.of(np.frombuffer(line, dtype=np.uint8))
        if len(own.depth) and own.depth.max() > DEEPEST:
            raise DataError(
                f"{file_name(path)}, line {number}: more than {DEEPEST} brackets are open at once; nest less deep"
            )
        if own.in_text or (len(own.depth) and (own.depth[-1] or own.depth.min() < 0)):
            what = "not closed on this line" if own.in_text or own.depth[-1] > 0 else "closed and not open"
            where = f"{file_name(path)}, line {number}"
            raise DataError(f"{where}: not JSON: a text or bracket is {what}; give one whole object on each line")
        number += line.endswith(b"\n")


def _split(path: Path, content: bytes) -> bytes:
    """An array of objects as JSON lines: commas between them become line ends, line ends become blanks."""
    array = np.frombuffer(content, dtype=np.uint8)
    marks = _Marks.of(array)
    if len(marks.depth) and marks.depth.max() > DEEPEST + 1:
        raise DataError(f"{file_name(path)}: more than {DEEPEST} brackets are open at once; nest less deep")
    whole = bool(len(marks.depth)) and marks.depth[-1] == 0 and marks.depth[:-1].min(initial=1) > 0
    if not content.endswith(b"]") or marks.in_text or not (marks.depth[:-1][marks.kinds[:-1] != _LINE] > 0).all():
        whole = False
    breaks = (marks.kinds == _LINE) | (marks.kinds == _RETURN)
    if not whole or breaks.sum() != ((array == ord("\n")) | (array == ord("\r"))).sum():  # JSON has none in a text
        raise _no_array(path)
    lines = array.copy()
    lines[marks.places[breaks]] = ord(" ")
    lines[marks.places[(marks.kinds == _COMMA) & (marks.depth == 1)]] = ord("\n")
    lines[[0, -1]] = ord(" ")
    return lines.tobytes()


def _no_array(path: Path) -> DataError:
    return DataError(f"{file_name(path)}: not one whole JSON array; give JSONL: an object on each line")


def _fault(path: Path, lines: Lines, what: str) -> str:
    """The first line that does not go with those before it, or an empty string."""
    kinds: dict[str, tuple[str, int]] = {}
    for number, line in lines():
        if not line.strip():
            continue
        where = f"{file_name(path)}, {what} {number}"
        try:
            row = json.loads(line, object_pairs_hook=_once, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            return f"{where}: not JSON in UTF-8 ({getattr(error, 'msg', error)})"
        if not isinstance(row, dict):
            return f"{where}: not a JSON object; JSON lines need one in each line"
        for column, value in row.items():
            if value is None:
                continue
            kind = {str: "text", bool: "a truth value", int: "a number", float: "a number"}.get(type(value), "nested")
            first, line_of_first = kinds.setdefault(column, (kind, number))
            if kind != first:
                return f"{where}, column {column}: {kind} where {what} {line_of_first} has {first}"
    return ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ValueError(f"{twice!r} stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
