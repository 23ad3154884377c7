"""Interactions of users with items: read from a table, numbered, deduplicated, fingerprinted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from workbench.contract.report import DataReport
from workbench.contract.split import Dataset
from workbench.contract.task import Option, Source
from workbench.data.columns import Checked, as_ids, as_numbers, as_times, find_columns
from workbench.data.ids import encode, natural_order
from workbench.data.tables import RawTable, read_table
from workbench.errors import DataError

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

ROLES = {
    "user": ("user", "userid", "uid", "customer", "customerid", "visitor", "visitorid", "member", "memberid",
             "reviewerid"),
    "item": ("item", "itemid", "iid", "movie", "movieid", "product", "productid", "asin", "article", "articleid",
             "book", "bookid", "song", "songid", "track", "trackid", "artist", "artistid", "isbn", "sku"),
    "rating": ("rating", "ratings", "score", "stars", "value", "overall", "preference"),
    "time": ("timestamp", "time", "datetime", "date", "unixtime", "ts", "createdat", "unixreviewtime"),
}  # fmt: skip

OPTIONS = {
    "user_column": Option("the column that holds the users' ids"),
    "item_column": Option("the column that holds the items' ids"),
    "rating_column": Option("the column that holds the ratings or counts"),
    "time_column": Option("the column that holds the times"),
    "columns": Option("the header of a delimited file that has none, such as user,item,rating,timestamp"),
    "duplicates": Option(
        "which row counts where a user meets an item twice; without it the last by time, else an error",
        ("last", "first", "largest", "sum"),
    ),
}


@dataclass(frozen=True)
class Interactions:
    """Interactions of users with items, sorted by user, then item; one row a pair.

    Args:
        users: int32[n], numbers of users.
        items: int32[n], numbers of items.
        values: float32[n], ratings or counts; ones where the data has none.
        timestamps: int64[n], UTC seconds, or None where the data has none.
        n_users: how many users the data has, those without a row here included.
        n_items: how many items.
        rated: whether `values` come from the data.
        known: of a held-out part, the interactions by which its users are known; else None.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    values: NDArray[np.float32]
    timestamps: NDArray[np.int64] | None
    n_users: int
    n_items: int
    rated: bool = False
    known: Interactions | None = None

    def __len__(self) -> int:
        return len(self.users)

    @property
    def shape(self) -> dict[str, int]:
        """Counts: `users`, `items`, `interactions`."""
        return {"users": self.n_users, "items": self.n_items, "interactions": len(self)}

    @property
    def provides(self) -> set[str]:
        """What a model's `needs` may name: `timestamps`, `ratings`."""
        has = {"timestamps": self.timestamps is not None, "ratings": self.rated}
        return {name for name, there in has.items() if there}

    @cached_property
    def matrix(self) -> sp.csr_array:
        """float32 CSR, n_users × n_items, a one for every interaction. Shared: never change it."""
        import scipy.sparse as sp

        starts = np.zeros(self.n_users + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.users, minlength=self.n_users), out=starts[1:])
        index_type = np.int32 if len(self) < 2**31 else np.int64
        ones = np.ones(len(self), dtype=np.float32)
        ones.flags.writeable = False
        return sp.csr_array(
            (ones, self.items.astype(index_type, copy=False), starts.astype(index_type)),
            shape=(self.n_users, self.n_items),
        )

    def take(self, rows: NDArray[Any], known: Interactions | None = None) -> Interactions:
        """The rows of a boolean mask, in order."""
        times = None if self.timestamps is None else self.timestamps[rows]
        return Interactions(
            self.users[rows], self.items[rows], self.values[rows], times,
            self.n_users, self.n_items, self.rated, known,
        )  # fmt: skip


def concatenate(first: Interactions, second: Interactions) -> Interactions:
    """All rows of both, sorted. Pairs that stand in both are kept from `second`."""
    users = np.concatenate([first.users, second.users])
    items = np.concatenate([first.items, second.items])
    values = np.concatenate([first.values, second.values])
    times = None
    if first.timestamps is not None and second.timestamps is not None:
        times = np.concatenate([first.timestamps, second.timestamps])
    pairs = _pairs(users, items, first.n_items)
    order = np.argsort(pairs, kind="stable")
    last = np.append(pairs[order][1:] != pairs[order][:-1], True) if len(order) else np.zeros(0, bool)
    rows = order[last]
    return Interactions(
        users[rows], items[rows], values[rows], None if times is None else times[rows],
        first.n_users, first.n_items, first.rated,
    )  # fmt: skip


@dataclass(frozen=True)
class InteractionEncoding:
    """Turns ids into numbers and back, and knows what each user has taken.

    Args:
        users: string[n_users], natural order.
        items: string[n_items], natural order.
        starts: int64[n_users + 1]; user u has taken `taken[starts[u]:starts[u + 1]]`.
        taken: int32[n], numbers of items, over the whole data file.
        met: bool[n_users], whether the kept models were fitted on any row of the user.
    """

    users: pa.Array
    items: pa.Array
    starts: NDArray[np.int64]
    taken: NDArray[np.int32]
    met: NDArray[np.bool_]

    @classmethod
    def of(cls, users: pa.Array, items: pa.Array, data: Interactions) -> InteractionEncoding:
        """The encoding under which `data` is numbered, all its users met."""
        starts = data.matrix.indptr.astype(np.int64)
        return cls(users, items, starts, data.items, np.diff(starts) > 0)

    def fitted_on(self, data: Interactions) -> InteractionEncoding:
        """The same for models that were fitted on this part only."""
        return replace(self, met=np.bincount(data.users, minlength=len(self.users)) > 0)

    @cached_property
    def histories(self) -> sp.csr_array:
        """float32 CSR, n_users × n_items, a one for every interaction."""
        import scipy.sparse as sp

        ones = np.ones(len(self.taken), dtype=np.float32)
        return sp.csr_array((ones, self.taken, self.starts), shape=(len(self.users), len(self.items)))


@dataclass
class _Columns:
    """One table's checked columns, bad rows left out."""

    name: str
    users: pa.ChunkedArray
    items: pa.ChunkedArray
    values: NDArray[np.float32]
    times: NDArray[np.int64] | None
    rated: bool
    notes: list[str]
    skipped: int
    table: RawTable
    kept: NDArray[np.int64]


def read_interactions(source: Source, options: Mapping[str, str]) -> Dataset[Interactions]:
    """Read interactions, and those of the fixed test part where there is one.

    Raises:
        DataError: what is wrong, in which file, row and column.
    """
    main = _read_columns(source.data, source, options)
    parts = [main]
    if source.test_data is not None:
        parts.append(_read_columns(source.test_data, source, options))
    users = natural_order(pa.chunked_array([chunk for part in parts for chunk in part.users.chunks]))
    items = natural_order(pa.chunked_array([chunk for part in parts for chunk in part.items.chunks]))
    policy = options.get("duplicates")
    encoded, notes = [], []
    for part in parts:
        interactions, note = _number(part, users, items, policy)
        encoded.append(interactions)
        notes += part.notes + note
    data = encoded[0]
    test = encoded[1] if len(encoded) > 1 else None
    facts = {**data.shape, "skipped": sum(part.skipped for part in parts), "notes": notes}
    return Dataset(
        name=source.name,
        data=data,
        test=test,
        encoding=InteractionEncoding.of(users, items, data),
        fingerprint=fingerprint(users, items, *encoded),
        report=DataReport(_headline(data), tuple(notes), facts),
        made_up=source.made_up,
    )


def read_held_out(
    source: Source, options: Mapping[str, str], encoding: InteractionEncoding
) -> tuple[Interactions, tuple[str, ...]]:
    """New interactions under a run's encoding: (those that can be scored, what was left out and why).

    Raises:
        DataError: the data cannot be read, or nothing of it can be scored.
    """
    raw = _read_columns(source.data, source, options)
    users, items = encode(raw.users, encoding.users), encode(raw.items, encoding.items)
    notes = list(raw.notes)
    for numbers, kind in ((users, "users"), (items, "items")):
        unknown = int((numbers < 0).sum())
        if unknown:
            notes.append(f"left out: {unknown:,} rows of {kind} that the run has not met")
    met = _only(raw, (users >= 0) & (items >= 0))
    data, merged = _number(met, encoding.users, encoding.items, options.get("duplicates"))
    owners = np.repeat(np.arange(len(encoding.users), dtype=np.int32), np.diff(encoding.starts))
    known = Interactions(owners, encoding.taken, np.ones(len(owners), np.float32), None, data.n_users, data.n_items)
    seen = np.isin(_pairs(data.users, data.items, data.n_items), _pairs(owners, encoding.taken, data.n_items))
    if seen.any():
        notes.append(f"left out: {int(seen.sum()):,} rows that are in the run's own data")
    if seen.all():
        raise DataError(f"{source.name}: nothing is left to score; " + "; ".join(notes))
    return data.take(~seen, known=known), tuple(notes + merged)


def _only(columns: _Columns, rows: NDArray[np.bool_]) -> _Columns:
    chosen = pa.array(rows)
    return replace(
        columns,
        users=columns.users.filter(chosen),
        items=columns.items.filter(chosen),
        values=columns.values[rows],
        times=None if columns.times is None else columns.times[rows],
        kept=columns.kept[rows],
    )


def fingerprint(users: pa.Array, items: pa.Array, *parts: Interactions) -> str:
    """Hex SHA-256 of ids (UTF-8) and sorted rows (values float64, times int64): whatever the file or its order."""
    digest = hashlib.sha256()
    for ids in (users, items):
        lengths = pa.compute.binary_length(ids).to_numpy(zero_copy_only=False).astype("<i8")
        digest.update(np.int64(len(ids)).tobytes())
        digest.update(lengths.tobytes())
        for start in range(0, len(ids), 65_536):
            digest.update("".join(ids[start : start + 65_536].to_pylist()).encode())
    for part in parts:
        digest.update(np.int64(len(part)).tobytes())
        times = np.zeros(0) if part.timestamps is None else part.timestamps
        for array, kind in ((part.users, "<i4"), (part.items, "<i4"), (part.values, "<f8"), (times, "<i8")):
            digest.update(np.ascontiguousarray(array, dtype=kind).data)
    return digest.hexdigest()


def _read_columns(data: Any, source: Source, options: Mapping[str, str]) -> _Columns:
    header = tuple(name.strip() for name in options.get("columns", "").split(",") if name.strip())
    table = read_table(data, source, header)
    given = {role: options.get(f"{role}_column") for role in ROLES}
    columns = find_columns(table, ROLES, given, required=("user", "item"))
    checked = Checked(table, skip=source.on_bad_rows == "skip")
    users, items = as_ids(checked, columns["user"]), as_ids(checked, columns["item"])
    values = as_numbers(checked, columns["rating"]) if "rating" in columns else np.ones(len(users))
    notes = list(table.notes)
    times = None
    if "time" in columns:
        times, unit = as_times(checked, columns["time"])
        if unit not in ("seconds", "times"):
            notes.append(f"{columns['time']} read as {unit}")
    kept = np.flatnonzero(~checked.bad)
    if not len(kept):
        raise DataError(f"{table.name} has no good row left")
    everything = len(kept) == len(checked.bad)
    rows = None if everything else pa.array(kept)
    return _Columns(
        table.name,
        users if everything else users.take(rows),
        items if everything else items.take(rows),
        values[kept].astype(np.float32),
        None if times is None else times[kept],
        "rating" in columns,
        notes + checked.notes,
        table.skipped + int(checked.bad.sum()),
        table,
        kept,
    )


def _number(
    part: _Columns, user_ids: pa.Array, item_ids: pa.Array, policy: str | None
) -> tuple[Interactions, list[str]]:
    """Number and sort one table's rows, one row a pair."""
    users, items = encode(part.users, user_ids), encode(part.items, item_ids)
    values, times = part.values, part.times
    pairs = _pairs(users, items, len(item_ids))
    order = np.argsort(pairs, kind="stable")
    ordered = pairs[order]
    repeats = np.flatnonzero(ordered[1:] == ordered[:-1])
    notes: list[str] = []
    if len(repeats):
        policy = policy or ("last" if times is not None else None)
        if policy is None:
            first = order[repeats[0] + 1]
            row = part.table.where(int(part.kept[first]))
            raise DataError(
                f"{part.name}, {row}: user {part.users[int(first)]} has item {part.items[int(first)]} a second time "
                f"({len(repeats):,} such rows) and there are no times to tell the last; "
                "pass --duplicates last|first|largest|sum"
            )
        keys: tuple[NDArray[Any], ...] = (values,) if times is None else (times, values)
        if policy in ("last", "first"):
            keys = (np.arange(len(pairs)),) if times is None else (values, times)
        order = np.lexsort((*keys, pairs))
        ordered = pairs[order]
        starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        ends = np.append(starts[1:], len(ordered)) - 1
        if policy == "sum":
            values = values.copy()
            values[order[ends]] = np.add.reduceat(values[order].astype(np.float64), starts)
        order = order[starts] if policy == "first" else order[ends]
        kept = {"last": "latest", "first": "earliest", "largest": "largest value", "sum": "sum of values"}[policy]
        kept += " time" if policy in ("last", "first") and times is not None else ""
        notes.append(f"{len(repeats):,} repeated user-item rows merged, kept by {kept}")
    return (
        Interactions(
            users[order], items[order], values[order], None if times is None else times[order],
            len(user_ids), len(item_ids), part.rated,
        ),
        notes,
    )  # fmt: skip


def _pairs(users: NDArray[np.int32], items: NDArray[np.int32], n_items: int) -> NDArray[np.int64]:
    return users.astype(np.int64) * n_items + items


def _headline(data: Interactions) -> str:
    parts = [
        f"{len(data):,} interactions",
        f"{len(np.unique(data.users)):,} users",
        f"{len(np.unique(data.items)):,} items",
    ]
    if data.rated:
        parts.append(f"{data.values.min():g} to {data.values.max():g}")
    if data.timestamps is not None:
        first, last = (_date(int(edge)) for edge in (data.timestamps.min(), data.timestamps.max()))
        parts.append(f"{first} to {last}")
    return " · ".join(parts)


def _date(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s"
