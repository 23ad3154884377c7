"""Messages between a run and its processes: one JSON document a line, read strictly.

A model may write anything to its worker's pipe, so each message is checked before it is used: a line is not longer than
`LONGEST_LINE`, and each field has the type that its dataclass declares.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache
from typing import IO, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from workbench import space as spaces
from workbench.errors import ModelError
from workbench.execution import work
from workbench.printable import printable

LONGEST_LINE = 16 * 2**20
"""Bytes that a line may have; a result with 20,000 metrics, each with an interval, takes 5 MiB."""

DEEPEST = 32
"""How deeply a value of any type, such as a hyperparameter, may nest."""

QUOTED = 60
"""Characters of a wrong line that are shown."""

EVENTS: dict[str, type] = {
    kind.__name__: kind
    for kind in (work.Checked, work.Description, work.Location, work.Report, work.Result, work.Weighed)
}
"""What a worker may say."""

ORDERS: dict[str, type] = {
    kind.__name__: kind
    for kind in (work.Setup, work.Describe, work.Locate, work.Fit, work.Weigh, work.Check, work.Verdict)
}
"""What a worker may be told."""

_ANSWERS: dict[type, tuple[type, ...]] = {
    work.Describe: (work.Description,),
    work.Locate: (work.Location,),
    work.Fit: (work.Report, work.Result),
    work.Weigh: (work.Weighed,),
    work.Check: (work.Checked,),
}


class MessageError(ValueError):
    """A line is no message, or none that can be used."""


def to_line(value: work.Setup | work.Work | work.Verdict | work.Event) -> bytes:
    """A message as a line."""
    return json.dumps({"kind": type(value).__name__, **asdict(value)}).encode() + b"\n"


def from_line(line: bytes, kinds: Mapping[str, type]) -> Any:
    """What `to_line` wrote.

    Args:
        line: to be read.
        kinds: that it may be of, `EVENTS` or `ORDERS`.

    Raises:
        MessageError: the line is anything else.
    """
    try:
        document = json.loads(line, parse_constant=_refuse)
        if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            raise MessageError("no object with a kind")
        kind = kinds.get(document.pop("kind"))
        if kind is None:
            raise MessageError("of an unknown kind")
        return _built(document, kind, kind.__name__)
    except MessageError as error:
        raise MessageError(f"{error}: {quoted(line)}") from None
    except RecursionError:
        raise MessageError(f"nested too deeply: {quoted(line)}") from None
    except ValueError:
        raise MessageError(f"no JSON: {quoted(line)}") from None


def lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a pipe until it ends; one that its end cuts short is left out.

    Raises:
        MessageError: a line is longer than any message.
    """
    while line := stream.readline(LONGEST_LINE):
        if line.endswith(b"\n"):
            yield line
        elif len(line) == LONGEST_LINE:
            raise MessageError(f"longer than {LONGEST_LINE / 2**20:.0f} MiB: {quoted(line)}")


def quoted(line: bytes) -> str:
    """The beginning of a line, as it can be shown."""
    text = printable(line[: 4 * QUOTED].decode("utf-8", "replace").strip())
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}..."


def check_storable(value: Any, name: str) -> None:
    """Make sure that a database of any kind keeps a plain value as it is.

    Raises:
        ModelError: it has a number beyond 1.8e308, a NUL character or half a surrogate pair, or nests too deeply.
    """
    try:
        _plain(value, name)
        texts = "".join(_texts(value))
        texts.encode()
    except UnicodeEncodeError as error:
        raise ModelError(f"{name} has half a surrogate pair, which cannot be stored") from error
    except MessageError as error:
        raise ModelError(str(error)) from error
    if "\0" in texts:
        raise ModelError(f"{name} has a NUL character, which cannot be stored")


def check_answer(question: work.Work, event: work.Event) -> None:
    """Make sure that a message, each of whose fields is sound, is an answer to a question.

    Raises:
        MessageError: it is none, or lacks what was asked for.
    """
    if not isinstance(event, _ANSWERS[type(question)]):
        raise MessageError(f"a {type(event).__name__} is no answer to a {type(question).__name__}")
    match question, event:
        case work.Fit(), work.Result(state="complete"):
            if question.metrics[0] not in event.metrics:
                raise MessageError(f"a complete Result without {question.metrics[0]}")
            if len(event.folds) != (question.folds if question.folds > 1 else 0):
                raise MessageError(f"a Result with {len(event.folds)} folds")
        case work.Weigh(), work.Weighed(error=""):
            given = len(event.weights), len(event.draws), question.metrics[0] in event.metrics
            if given != (len(question.answers[0]), len(question.parts), True) or not any(event.weights):
                raise MessageError("a Weighed that does not fit what was asked")
        case work.Describe(), work.Description(error=""):
            try:
                spaces.from_json(event.space)
            except Exception as error:
                raise MessageError(f"a Description with a wrong space ({type(error).__name__})") from error


def _refuse(constant: str) -> None:
    raise MessageError(f"{constant} is no number")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _built(document: Any, kind: type, place: str) -> Any:
    """A dataclass with exactly its fields."""
    if not isinstance(document, dict):
        raise MessageError(f"{place} is no object")
    hints = _hints(kind)
    needed = {field.name for field in fields(kind) if field.default is field.default_factory is MISSING}
    if wrong := (document.keys() - hints.keys()) | (needed - document.keys()):
        raise MessageError(f"{place} has not the fields of a {kind.__name__} ({', '.join(sorted(wrong))[:QUOTED]})")
    return kind(**{name: _value(value, hints[name], f"{place}.{name}") for name, value in document.items()})


def _value(value: Any, hint: Any, place: str) -> Any:
    """A JSON value as its field declares it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return _plain(value, place)
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return _built(value, hint, place)
    if origin is Annotated:
        number, bounds = _value(value, arguments[0], place), arguments[1]
        if not bounds.low <= number <= bounds.high:
            raise MessageError(f"{place} is out of range")
        return number
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return None if value is None else _value(value, inner, place)
    if origin is Literal and isinstance(value, str) and value in arguments:
        return value
    if origin is Mapping and isinstance(value, dict):
        return {key: _value(inner, arguments[1], place) for key, inner in value.items()}
    if origin is tuple and isinstance(value, list):
        many = arguments[1] is ...
        if many or len(value) == len(arguments):
            each = [arguments[0]] * len(value) if many else arguments
            return tuple(_value(inner, own, place) for inner, own in zip(value, each, strict=True))
    if hint is float and type(value) in (int, float):
        return _finite(value, place)
    if hint is int and type(value) is int and -(2**63) <= value < 2**63:
        return value
    if hint in (str, bool) and type(value) is hint:
        return value
    raise MessageError(f"{place} is of a wrong type")


def _plain(value: Any, place: str, depth: int = 0) -> Any:
    """A JSON value of any type."""
    if depth > DEEPEST:
        raise MessageError(f"{place} is nested too deeply")
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            _plain(inner, place, depth + 1)
    elif isinstance(value, int | float):
        _finite(value, place)
    return value


def _texts(value: Any) -> Iterator[str]:
    """All text in a plain value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _finite(value: float, place: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise MessageError(f"{place} is a number too large to be kept")
    return number
