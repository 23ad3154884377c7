"""Types of columns that check what is read: a database may come from anyone, and SQLite keeps any value in any column.

They take the place of SQLAlchemy's types of the same names. A value that does not fit its column raises
`DamagedValue`, which `Database` turns into one line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import VARCHAR
from sqlalchemy.engine import Dialect

DEEPEST = 100
"""Levels of lists and objects inside each other, beyond which a JSON value is refused."""

SHOWN = 40
"""Characters of a wrong value that a message quotes."""


class DamagedValue(Exception):
    """A value that its column cannot hold."""


def shown(value: Any) -> str:
    """A stored value as a message quotes it: in ASCII, and of a long one the beginning."""
    text = ascii(value[: SHOWN + 1] if isinstance(value, str | bytes) else value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


class _Checked(sa.TypeDecorator[Any]):
    """A type whose values are checked when they are read."""

    impl: Any = sa.Text
    cache_ok = True
    where = "a column"
    nullable = True
    _means = ""

    def __init_subclass__(cls) -> None:
        """SQLAlchemy asks each class itself whether statements with it may be cached."""
        cls.cache_ok = True

    def fits(self, value: Any) -> bool:
        """Whether a value, as Python has it, may stand in the column."""
        raise NotImplementedError

    def convertible(self, stored: Any) -> bool:
        """Whether SQLAlchemy does not make something else of a value, as the database has it."""
        return True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Converts a value as SQLAlchemy does, and refuses what does not fit."""
        convert = self.impl_instance.result_processor(dialect, coltype)

        def read(value: Any) -> Any:
            if value is None:
                if not self.nullable:
                    raise DamagedValue(f"{self.where} is empty")
                return None
            try:
                if self.convertible(value):
                    found = value if convert is None else convert(value)
                    if self.nullable if found is None else self.fits(found):
                        return found
            except (TypeError, ValueError, OverflowError, RecursionError):
                pass  # SQLAlchemy cannot convert it: said below
            raise DamagedValue(f"{self.where} is {shown(value)}, which is no {self._means}")

        return read


class Integer(_Checked):
    """A whole number."""

    impl = sa.Integer
    _means = "whole number"

    def fits(self, value: Any) -> bool:
        return type(value) is int


class BigInteger(Integer):
    """A whole number of 64 bits."""

    impl = sa.BigInteger


class Float(_Checked):
    """A finite number."""

    impl = sa.Float
    _means = "finite number"

    def fits(self, value: Any) -> bool:
        return type(value) in (int, float) and math.isfinite(value)


class Boolean(_Checked):
    """True or false."""

    impl = sa.Boolean
    _means = "truth value"

    def convertible(self, stored: Any) -> bool:
        """Whatever is not empty would be true."""
        return stored in (0, 1)

    def fits(self, value: Any) -> bool:
        return isinstance(value, bool)


class DateTime(_Checked):
    """A time, UTC without a zone."""

    impl = sa.DateTime
    _means = "time"

    def fits(self, value: Any) -> bool:
        return isinstance(value, datetime) and value.tzinfo is None


class Text(_Checked):
    """Text of any length."""

    _means = "text"

    def fits(self, value: Any) -> bool:
        return isinstance(value, str)


class String(Text):
    """Text of up to `length` characters, one of `among` where that is given."""

    impl = sa.String

    def __init__(self, length: int, among: tuple[str, ...] = ()) -> None:
        super().__init__(length)
        self.length, self.among = length, among
        if among:
            self._means = f"{', '.join(among[:-1])} or {among[-1]}"

    def fits(self, value: Any) -> bool:
        return isinstance(value, str) and (not self.among or value in self.among)


class Hexadecimal(Text):
    """An id or a hash: exactly `length` digits from 0 to 9 and a to f, so that it can stand in the name of a file.

    Args:
        length: how many digits.
        by_digit: whether a server compares digit by digit, whatever its language: 'aa' comes last in Danish.
    """

    impl = sa.String

    def __init__(self, length: int, by_digit: bool = False) -> None:
        super().__init__(length)
        self.length, self.by_digit = length, by_digit
        self._digits = re.compile(f"[0-9a-f]{{{length}}}")
        self._means = f"{length} hexadecimal digits"

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """A collation of its own on PostgreSQL where digits decide."""
        if self.by_digit and dialect.name == "postgresql":
            return dialect.type_descriptor(VARCHAR(self.length, collation="C"))
        return super().load_dialect_impl(dialect)

    def fits(self, value: Any) -> bool:
        return isinstance(value, str) and self._digits.fullmatch(value) is not None


class LargeBinary(_Checked):
    """Bytes."""

    impl = sa.LargeBinary
    _means = "sequence of bytes"

    def convertible(self, stored: Any) -> bool:
        """A number would be so many zero bytes."""
        return isinstance(stored, bytes | memoryview)

    def fits(self, value: Any) -> bool:
        return isinstance(value, bytes)


class JSON(_Checked):
    """JSON of finite numbers that is not nested too deeply.

    Args:
        kind: `dict` or `list`.
        of: what its values must be, such as `(str,)`; any plain values where nothing is said.
        keys: names of values, each with the type that the value must fit where it is there.
    """

    impl = sa.JSON
    _means = "JSON of the kind that belongs there"

    def __init__(self, kind: type, of: tuple[type, ...] = (), keys: tuple[tuple[str, _Checked], ...] = ()) -> None:
        super().__init__()
        self.kind, self.of, self.keys = kind, of, keys

    def fits(self, value: Any) -> bool:
        if not isinstance(value, dict | list) or not isinstance(value, self.kind) or not _plain(value, DEEPEST):
            return False
        inner = value.values() if isinstance(value, dict) else value
        if self.of and any(type(each) not in self.of for each in inner):
            return False
        return all(expected.fits(value[key]) for key, expected in self.keys if isinstance(value, dict) and key in value)


def _plain(value: Any, levels: int) -> bool:
    match value:
        case float() | int():
            return math.isfinite(value)  # which raises OverflowError for a whole number that no float can stand for
        case dict() | list():
            inner = value.values() if isinstance(value, dict) else value
            return levels > 0 and all(_plain(each, levels - 1) for each in inner)
    return True


def type_at(column: sa.Column[Any], where: str, *, nullable: bool) -> _Checked:
    """The type of a column of these types, as another column has it that messages are to name."""
    assert isinstance(column.type, _Checked)
    named = column.type.copy()
    named.where, named.nullable = where, nullable
    return named


def reader(column: sa.Column[Any], dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
    """Converts what the database has in a column, and raises `DamagedValue` where that does not fit.

    Args:
        column: of one of these types.
        dialect: of the database.
        coltype: the type that the driver's cursor says the values have.
    """
    kind = column.type.dialect_impl(dialect)
    assert isinstance(kind, _Checked)
    return kind.result_processor(dialect, coltype)


def name_columns(metadata: sa.MetaData) -> None:
    """Tell the type of every column where it stands, and whether the column may be empty."""
    for table in metadata.tables.values():
        for column in table.c:
            column.type = type_at(column, f"{table.name}.{column.name}", nullable=bool(column.nullable))
