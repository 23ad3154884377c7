"""A table of interactions -> numbered arrays, their fingerprint, and a report of what was found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from workbench.contract.report import DataReport
from workbench.contract.split import Dataset
from workbench.contract.task import Option, Source
from workbench.data import preparing
from workbench.data.attributes import read_attributes
from workbench.data.ids import encode, natural_order
from workbench.data.interaction_columns import ROLES, InteractionColumns, read_columns
from workbench.data.interactions import InteractionEncoding, Interactions
from workbench.data.preparing import Preparation
from workbench.errors import DataError
from workbench.wording import counted

OPTIONS = {
    "user_column": Option("the column that holds the users' ids"),
    "item_column": Option("the column that holds the items' ids"),
    "rating_column": Option("the column that holds the ratings or counts"),
    "time_column": Option("the column that holds the times"),
    "columns": Option("the header of a delimited file that has none, such as user,item,rating,timestamp"),
    "time_format": Option(
        "what the times are: seconds, milliseconds, microseconds, nanoseconds or days since 1970, "
        "excel, or a pattern such as %d.%m.%Y"
    ),
    "decimal": Option("what stands before the fraction of a number", (".", ",")),
    **preparing.OPTIONS,
    "item_table": Option(
        "a file with a row for each item: titles and categories for predict, features for models", path=True
    ),
    "user_table": Option("a file with a row for each user: features for models", path=True),
}


def read_interactions(source: Source, options: Mapping[str, str]) -> Dataset[Interactions]:
    """Read interactions, and those of the fixed test part where there is one.

    Raises:
        DataError: what is wrong, in which file, row and column.
        SettingsError: an option that cannot be used.
    """
    preparation = Preparation.of(options)
    tables = [read_columns(source.data, source, options)]
    if source.test_data is not None:
        tables.append(read_columns(source.test_data, source, options, like=tables[0]))
    users = natural_order(pa.chunked_array([chunk for table in tables for chunk in table.users.chunks]))
    items = natural_order(pa.chunked_array([chunk for table in tables for chunk in table.items.chunks]))
    parts, notes = [], list(dict.fromkeys(table.taken for table in tables))
    for table in tables:
        part, note = _number(table, users, items, preparation)
        parts.append(part)
        notes += table.notes + note
    data, test, filtered = preparation.filter(source.name, parts[0], parts[1] if len(parts) > 1 else None)
    kept = [data] if test is None else [data, test]
    users, items, kept = preparing.renumber(users, items, kept)
    kept[0] = preparation.weigh(source.name, kept[0])
    filtered += preparation.remarks(kept[0])
    described, more = _attributes(source, options, users, items)
    kept = [replace(part, weighting=kept[0].weighting, scale=kept[0].scale, **described) for part in kept]
    notes += filtered + more
    facts = {**kept[0].shape, "skipped": sum(table.skipped for table in tables)}
    return Dataset(
        name=source.name,
        data=kept[0],
        test=kept[1] if len(kept) > 1 else None,
        encoding=InteractionEncoding.of(users, items, kept[0]),
        fingerprint=fingerprint(users, items, *kept),
        report=DataReport(_headline(kept[0]), tuple(notes), facts),
        made_up=source.made_up,
    )


def read_held_out(
    source: Source, options: Mapping[str, str], encoding: InteractionEncoding
) -> tuple[Interactions, tuple[str, ...]]:
    """New interactions under a run's encoding: (those that can be scored, what was left out and why).

    Raises:
        DataError: the data cannot be read, or nothing of it can be scored.
    """
    preparation = Preparation.of({**options, "k_core": "1"})  # which ids stay was settled by the run's own data
    raw = read_columns(source.data, source, options)
    users, items = encode(raw.users, encoding.users), encode(raw.items, encoding.items)
    notes = [raw.taken, *raw.notes]
    for numbers, kind in ((users, "users"), (items, "items")):
        unknown = int((numbers < 0).sum())
        if unknown:
            notes.append(f"left out: {counted(unknown, 'row')} of {kind} that the run has not met")
    met = raw.only((users >= 0) & (items >= 0))
    if not len(met.values):
        raise DataError(f"{source.name}: nothing is left to score; " + "; ".join(notes))
    data, merged = _number(met, encoding.users, encoding.items, preparation)
    data, _, filtered = preparation.filter(source.name, data, None)
    notes += merged + filtered
    known = encoding.known
    seen = np.isin(data.pairs, known.pairs) & (not encoding.repeats)
    if seen.any():
        notes.append(f"left out: {counted(int(seen.sum()), 'row')} of the run's own data")
    if seen.all():
        raise DataError(f"{source.name}: nothing is left to score; " + "; ".join(notes))
    return data.take(~seen, known=known), tuple(notes)


def fingerprint(users: pa.Array, items: pa.Array, *parts: Interactions) -> str:
    """Hex SHA-256 of ids (UTF-8) and sorted rows (values float64, times int64): whatever the file or its order.

    Nanoseconds (int32) belong to it where some time is no whole second.
    """
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
        if part.nanoseconds is not None:
            digest.update(np.ascontiguousarray(part.nanoseconds, dtype="<i4").data)
    return digest.hexdigest()


def _number(
    part: InteractionColumns, user_ids: pa.Array, item_ids: pa.Array, preparation: Preparation
) -> tuple[Interactions, list[str]]:
    """Number and sort one table's rows; one row a pair, unless repeats are wanted."""
    users, items = encode(part.users, user_ids), encode(part.items, item_ids)
    pairs = users.astype(np.int64) * len(item_ids) + items
    order = np.argsort(pairs, kind="stable")
    ordered = pairs[order]
    repeats = np.flatnonzero(ordered[1:] == ordered[:-1])
    policy = preparation.duplicates or ("last" if part.times is not None else None)
    if len(repeats) and policy is None and not preparation.repeats:
        first = order[repeats[0] + 1]
        row = part.table.where(int(part.kept[first]))
        remedy = "keep one row of each"
        if part.table.source.offers("--duplicates"):
            remedy = "say which with --time-column NAME, or pass --duplicates last|first|largest|sum"
        raise DataError(
            f"{part.name}, {row}: user {part.users[int(first)]} has item {part.items[int(first)]} a second time "
            f"({counted(len(repeats), 'such row')}) and there are no times to tell the last; {remedy}"
        )
    if len(repeats) and part.times is not None:
        order = np.lexsort((part.values, *part.times.keys, pairs))
    elif len(repeats) and policy not in ("last", "first"):
        order = np.lexsort((part.values, pairs))  # so that the order of the file makes no difference
    data = Interactions(
        users[order],
        items[order],
        part.values[order],
        None if part.times is None else part.times.seconds[order],
        len(user_ids),
        len(item_ids),
        part.rated,
        repeats=preparation.repeats,
        nanoseconds=None if part.times is None or part.times.nanoseconds is None else part.times.nanoseconds[order],
    )
    if preparation.repeats:
        return data, [f"{counted(len(repeats), 'row')} with the user and item of another"]
    if not len(repeats) or policy is None:
        return data, []
    data, kept = preparing.merge(data, policy)
    return data, [f"{counted(len(repeats), 'repeated user-item row')} merged, kept by {kept}"]


def _attributes(
    source: Source, options: Mapping[str, str], users: pa.Array, items: pa.Array
) -> tuple[dict[str, pa.Table], list[str]]:
    """(`item_table` and `user_table` as far as given, what the user should know)."""
    tables: dict[str, pa.Table] = {}
    notes: list[str] = []
    for kind, ids in (("item", items), ("user", users)):
        path = options.get(f"{kind}_table")
        if path is not None:
            column = options.get(f"{kind}_column")
            tables[f"{kind}_table"], found = read_attributes(path, source, kind, ids, ROLES[kind], column)
            notes += found
    return tables, notes


def _headline(data: Interactions) -> str:
    parts = [
        counted(len(data), "interaction"),
        counted(len(np.unique(data.users)), "user"),
        counted(len(np.unique(data.items)), "item"),
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
