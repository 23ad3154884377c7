"""Examples with a target: what classifiers and regressors are fitted on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Examples:
    """The base of parts that hold examples with a target. Every array and table of a subclass has a row an example.

    Args:
        target: int32[n], the numbers of classes, or float64[n] where a number is to be predicted.
        n_classes: how many classes there are; 0 where a number is to be predicted.
        ids: int64[n], which example of the data each row is.
        labels: what the classes are called; empty where nobody asks.
        origin: int64[n], the row of the user's table that each is from, from 1; or string[n], its name, such as a path.
            No part of the fingerprint. None where that is not known.
    """

    target: NDArray[Any]
    n_classes: int
    ids: NDArray[np.int64]
    labels: list[str] = field(default_factory=list)
    origin: NDArray[np.int64] | pa.Array | None = None

    def __len__(self) -> int:
        return len(self.target)

    @property
    def shape(self) -> dict[str, int]:
        """Counts: `examples`, `classes`, and of every array with columns how many it has, by its name."""
        arrays = {each.name: getattr(self, each.name) for each in fields(self)}
        columns = {name: array.shape[1] for name, array in arrays.items() if getattr(array, "ndim", 1) == 2}
        return {"examples": len(self), "classes": self.n_classes, **columns}

    @property
    def groups(self) -> NDArray[Any] | None:
        """[n], which rows belong together, such as equal texts: every split keeps those of one value on one side.

        None where each row is its own; subclasses may say otherwise.
        """
        return None

    @property
    def contents(self) -> NDArray[np.uint64] | None:
        """uint64[n], a name for what each example is (see `digests`), by which it is known again in other data.

        None where equal features do not make two examples the same one; subclasses may say otherwise.
        """
        return None

    @property
    def provides(self) -> set[str]:
        """What a model's `needs` may name: `classes` or `numbers`, as the target is; subclasses add theirs."""
        return {"classes" if self.n_classes else "numbers"}

    def shown(self, rows: NDArray[np.int64]) -> list[str]:
        """What some of the rows are in a user's eyes; subclasses may know better than where they are from."""
        if self.origin is None:
            return [f"example {number}" for number in self.ids[rows].tolist()]
        if isinstance(self.origin, pa.Array):
            return list(map(str, self.origin.take(pa.array(rows)).to_pylist()))
        return [f"row {number}" for number in self.origin[rows].tolist()]

    def take(self, rows: NDArray[Any]) -> Self:
        """The rows of a mask, or at these numbers."""
        where = np.flatnonzero(rows) if rows.dtype == bool else rows
        taken: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                taken[each.name] = value[where]
            elif isinstance(value, pa.Array | pa.Table):
                taken[each.name] = value.take(pa.array(where))
        return replace(self, **taken)

    def ordered(self, header: str, first: int = 0) -> tuple[Self, str]:
        """The rows in an order that depends on what they hold alone, numbered so; and their fingerprint.

        Args:
            header: what tells two datasets of equal rows apart, such as what their numbers mean.
            first: the number of the first row.

        Returns:
            The rows, and a hexadecimal SHA-256 that is the same whatever the file, its format or their order.
        """
        digests = [hashlib.blake2b(row, digest_size=16).digest() for row in self._rows()]
        order = sorted(range(len(digests)), key=digests.__getitem__)
        total = hashlib.sha256(header.encode())
        total.update(b"".join(digests[number] for number in order))
        return replace(self.take(np.array(order)), ids=np.arange(first, first + len(self))), total.hexdigest()

    def _rows(self) -> Iterator[bytes]:
        """What each row holds."""
        columns: list[Any] = []
        for each in fields(self):
            if each.name in ("ids", "origin"):
                continue
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                plain = value + 0.0 if value.dtype.kind == "f" else value  # no negative zero
                columns.append(plain.reshape(len(self), -1))
            elif isinstance(value, pa.Array):
                columns.append([repr(scalar.as_py()).encode() for scalar in value])
            elif isinstance(value, pa.Table):
                columns.append([repr(row).encode() for row in value.to_pylist()])
        for number in range(len(self)):
            yield b"\0".join(bytes(column[number]) for column in columns)


def digests(rows: Iterable[bytes]) -> NDArray[np.uint64]:
    """uint64[n]: a name for what each row holds, equal for equal ones."""
    found = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in rows)
    return np.frombuffer(found, np.uint64)
