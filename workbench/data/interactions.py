"""Interactions of users with items as arrays, and the ids behind their numbers."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

Kept = TypeVar("Kept")

EQUAL, RATING, LOG = WEIGHTINGS = ("equal", "rating", "log")
"""What an interaction weighs: one, its value, or log(1 + value)."""


@dataclass(frozen=True)
class Interactions:
    """Interactions of users with items, sorted by user, then item, then time.

    One row a pair, unless `repeats`: then a user may have an item as often as it was taken.

    Args:
        users: int32[n], numbers of users.
        items: int32[n], numbers of items.
        values: float32[n], ratings or counts; ones where the data has none.
        timestamps: int64[n], UTC seconds, or None where the data has none.
        n_users: how many users the data has, those without a row here included.
        n_items: how many items.
        rated: whether `values` come from the data.
        known: of a held-out part, the interactions by which its users are known; else None.
        weighting: of `WEIGHTINGS`, what `matrix` holds.
        scale: the mean weight of the data, by which weights are divided.
        repeats: whether items already taken may be recommended again.
        item_table: what is known of the items, one row each; None where nothing is.
        user_table: the same for the users.
        nanoseconds: int32[n], beyond `timestamps`; None where the data has whole seconds only.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    values: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None
    n_users: int
    n_items: int
    rated: bool = False
    known: Interactions | None = None
    weighting: str = EQUAL
    scale: float = 1.0
    repeats: bool = False
    item_table: pa.Table | None = None
    user_table: pa.Table | None = None
    nanoseconds: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.users)

    @property
    def shape(self) -> dict[str, int]:
        """Counts: `users`, `items`, `interactions`."""
        return {"users": self.n_users, "items": self.n_items, "interactions": len(self)}

    @property
    def provides(self) -> set[str]:
        """What a model's `needs` may name: `timestamps`, `ratings`, `item_features`, `user_features`."""
        has = {
            "timestamps": self.timestamps is not None,
            "ratings": self.rated,
            "item_features": self.item_table is not None,
            "user_features": self.user_table is not None,
        }
        return {name for name, there in has.items() if there}

    @property
    def matrix(self) -> sp.csr_array:
        """float32 CSR, n_users × n_items, the weight of every pair: ones unless told otherwise; read-only.

        Where a pair has several rows its values are added up. Weights are divided by their mean over the data, so
        that regularisation means what it means for ones.
        """
        return copy(self._matrix)  # with the same arrays; to give it others is its holder's own business

    @cached_property
    def _matrix(self) -> sp.csr_array:
        import scipy.sparse as sp

        users, items, values = self.users, self.items, self.values
        if self.repeats and len(self):
            starts = np.flatnonzero(np.append(True, (np.diff(users) != 0) | (np.diff(items) != 0)))
            users, items, values = users[starts], items[starts], np.add.reduceat(values, starts)
        if self.weighting == EQUAL:
            weights = np.ones(len(users), dtype=np.float32)
        else:
            weights = np.asarray((np.log1p(values) if self.weighting == LOG else values) / self.scale, np.float32)
        bounds = np.zeros(self.n_users + 1, dtype=np.int64)
        np.cumsum(np.bincount(users, minlength=self.n_users), out=bounds[1:])
        index_type = np.int32 if len(self) < 2**31 else np.int64
        matrix = sp.csr_array(
            (weights, items.astype(index_type, copy=False), bounds.astype(index_type)),
            shape=(self.n_users, self.n_items),
        )
        return _read_only(matrix, matrix.data, matrix.indices, matrix.indptr)

    @cached_property
    def popularity(self) -> NDArray[np.int64]:
        """int64[n_items]: how many users took each item; read-only."""
        counts = np.bincount(self._matrix.indices, minlength=self.n_items)
        return _read_only(counts, counts)

    def take(self, rows: NDArray[Any], known: Interactions | None = None) -> Interactions:
        """The rows of a boolean mask, in order."""
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            values=self.values[rows],
            timestamps=None if self.timestamps is None else self.timestamps[rows],
            nanoseconds=None if self.nanoseconds is None else self.nanoseconds[rows],
            known=known,
        )

    @property
    def moments(self) -> NDArray[np.int64]:
        """int64[n], what orders rows in time: nanoseconds where the data has them, else seconds."""
        assert self.timestamps is not None
        return self.timestamps if self.nanoseconds is None else self.timestamps * 10**9 + self.nanoseconds

    @property
    def pairs(self) -> NDArray[np.int64]:
        """int64[n], ascending: one number for each user and item."""
        return self.users.astype(np.int64) * self.n_items + self.items


@dataclass(frozen=True)
class InteractionEncoding:
    """Turns ids into numbers and back, and knows what each user has taken.

    Args:
        users: string[n_users], natural order.
        items: string[n_items], natural order.
        starts: int64[n_users + 1]; user u has taken `taken[starts[u]:starts[u + 1]]`.
        taken: int32[n], numbers of items, over the whole data file.
        weights: float32[n], what each of them weighs.
        met: bool[n_users], whether the kept models were fitted on any row of the user.
        repeats: whether items already taken may be recommended again.
        item_table: what is known of the items, one row each; None where nothing is.
        user_table: the same for the users.
    """

    users: pa.Array
    items: pa.Array
    starts: NDArray[np.int64]
    taken: NDArray[np.int32]
    weights: NDArray[np.float32]
    met: NDArray[np.bool_]
    repeats: bool = False
    item_table: pa.Table | None = None
    user_table: pa.Table | None = None

    def __post_init__(self) -> None:
        """Native code follows these numbers without a look, and an encoding may come from anyone's database."""
        n_users, n_items, n = len(self.users), len(self.items), len(self.taken)
        starts = self.starts
        if len(starts) != n_users + 1 or starts[0] != 0 or starts[-1] != n or (np.diff(starts) < 0).any():
            raise ValueError(f"starts does not divide {n} interactions among {n_users} users")
        if n and not 0 <= self.taken.min() <= self.taken.max() < n_items:
            raise ValueError(f"taken has numbers that are not from 0 to {n_items - 1}")
        if len(self.weights) != n or len(self.met) != n_users:
            raise ValueError(f"weights or met are not as many as the {n} interactions or the {n_users} users")

    @classmethod
    def of(cls, users: pa.Array, items: pa.Array, data: Interactions) -> InteractionEncoding:
        """The encoding under which `data` is numbered, all its users met."""
        matrix = data.matrix
        starts = matrix.indptr.astype(np.int64)
        taken = matrix.indices.astype(np.int32, copy=False)
        return cls(
            users, items, starts, taken, matrix.data, np.diff(starts) > 0,
            data.repeats, data.item_table, data.user_table,
        )  # fmt: skip

    def fitted_on(self, data: Interactions) -> InteractionEncoding:
        """The same for models that were fitted on this part only."""
        return replace(self, met=np.bincount(data.users, minlength=len(self.users)) > 0)

    @cached_property
    def histories(self) -> sp.csr_array:
        """float32 CSR, n_users × n_items, the weight of every pair."""
        import scipy.sparse as sp

        return sp.csr_array((self.weights, self.taken, self.starts), shape=(len(self.users), len(self.items)))

    @property
    def known(self) -> Interactions:
        """What each user has taken, as a part; its values are the weights."""
        owners = np.repeat(np.arange(len(self.users), dtype=np.int32), np.diff(self.starts))
        n_users, n_items = len(self.users), len(self.items)
        return Interactions(owners, self.taken, self.weights, None, n_users, n_items, weighting=RATING)


def _read_only(kept: Kept, *arrays: NDArray[Any]) -> Kept:
    """What is computed once and handed to every model, none of which may change it for the others."""
    for array in arrays:
        array.flags.writeable = False
    return kept
