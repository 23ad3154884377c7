"""From a query in the user's ids to lists of items: whom it is for, and what may stand in the lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench import Model, Source, UserError
from workbench.blocks.recommend import Queries, longer_lists, recommend
from workbench.blocks.top_k import Lists, top_k
from workbench.data.attributes import column_of, read_attributes
from workbench.data.ids import encode
from workbench.data.interaction_columns import ROLES
from workbench.data.interactions import InteractionEncoding
from workbench.wording import counted
from workbench_recommend.asking import read_users

TITLES = ("title", "name", "itemname", "movietitle", "producttitle", "productname", "booktitle", "trackname")
CATEGORIES = ("category", "categories", "genre", "genres", "class", "department", "producttype")
SEPARATOR = "|"
"""Between the categories of an item that has several."""


def answer_queries(
    model: Model,
    queries: Queries,
    k: int,
    exclude: Any,
    taken: NDArray[np.int32],
    allowed: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.str_]]:
    """Lists by the model where it can, else by popularity, as when the model is put to use.

    Args:
        model: fitted.
        queries: n of them.
        k: length of the lists.
        exclude: CSR, n × n_items, items not to recommend.
        taken: int32, the item of every interaction, by which items are popular.
        allowed: bool[n_items], the only items that lists may hold; None for all.

    Returns:
        Items int32[n, k], scores float32[n, k], and for each query `model`, `history` or `popularity`.
    """
    items, scores = lists_by(model, queries, k, exclude, allowed)
    how = np.where(queries.users >= 0, "model", "history").astype("<U10")
    how[fill_by_popularity((items, scores), exclude, taken, allowed)] = "popularity"
    return items, scores, how


def lists_by(model: Model, queries: Queries, k: int, exclude: Any, allowed: NDArray[np.bool_] | None = None) -> Lists:
    """Lists by the model alone, as `answer_queries`; empty where it knows nothing of a query."""
    # A user number without any history was numbered from held-out rows: the model has learned nothing of it.
    answerable = np.flatnonzero(np.diff(queries.histories.indptr))
    if len(answerable) == len(queries):
        return recommend(model, queries, k, exclude, allowed)
    items = np.full((len(queries), k), -1, dtype=np.int32)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    if len(answerable):
        chosen = queries.take(answerable)
        items[answerable], scores[answerable] = recommend(model, chosen, k, exclude[answerable], allowed)
    return items, scores


def fill_by_popularity(
    lists: Lists, exclude: Any, taken: NDArray[np.int32], allowed: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Write the most popular items into lists that are empty, as `answer_queries`; which these were."""
    items, scores = lists
    n_items = exclude.shape[1]
    rest: NDArray[np.int64] = np.flatnonzero(items[:, 0] < 0)
    rest = rest[np.diff(exclude.indptr)[rest] < n_items]
    if len(rest):
        popularity = np.bincount(taken, minlength=n_items).astype(np.float32)
        if allowed is not None:
            popularity[~allowed] = -np.inf
        items[rest], scores[rest] = _most_popular(popularity, exclude[rest], items.shape[1])
    return rest


def _most_popular(popularity: NDArray[np.float32], exclude: Any, k: int) -> Lists:
    block = np.repeat(popularity[None, :], exclude.shape[0], axis=0)
    block[np.repeat(np.arange(exclude.shape[0]), np.diff(exclude.indptr)), exclude.indices] = -np.inf
    return top_k(block, k)


@dataclass(frozen=True)
class Asked:
    """Whom a query is for.

    Args:
        labels: string[n], how each of them is called in the answer.
        queries: n of them.
        notices: one line for each thing the user should know.
    """

    labels: pa.Array
    queries: Queries
    notices: tuple[str, ...] = ()


def asked(encoding: InteractionEncoding, query: Mapping[str, Any]) -> Asked:
    """Whom `users`, `history` or `input` mean.

    Raises:
        UserError: none of them is given, or the file cannot be used.
    """
    if query.get("history") is not None:
        owners, labels = [0] * len(query["history"]), pa.array(["-"])
        return _by_histories(encoding, labels, owners, list(query["history"]))
    if query.get("input") is not None:
        users, items, notices = read_users(Source.of_query(query))
        labels = pc.unique(users)
        if items is None:
            repeats = len(users) - len(labels)
            if repeats:
                notices = (*notices, f"{counted(repeats, 'row')} of users met before; each user is answered once")
            found = _by_users(encoding, labels)
        else:
            found = _by_histories(encoding, labels, encode(users, labels), items)
        return replace(found, notices=(*notices, *found.notices))
    users = query.get("users")
    if users is None:
        raise UserError("say whom to recommend to: --users 1,2 or all, --history i1,i2, or --input FILE")
    users = [users] if isinstance(users, str) else list(users)
    return _by_users(encoding, encoding.users if users == ["all"] else pa.array(users, pa.string()))


def _by_users(encoding: InteractionEncoding, labels: pa.Array) -> Asked:
    import scipy.sparse as sp

    numbers = encode(labels, encoding.users)
    unknown = [labels[int(row)].as_py() for row in np.flatnonzero(numbers < 0)]
    rows = np.maximum(numbers, 0)
    histories = encoding.histories[rows]
    if unknown:
        keep = sp.diags_array((numbers >= 0).astype(np.float32), format="csr")
        histories = sp.csr_array(keep @ histories)
        histories.eliminate_zeros()
    notices = (f"answered by popularity, unknown to the data: users {some(unknown)}",) if unknown else ()
    met = np.where((numbers >= 0) & encoding.met[rows], numbers, -1).astype(np.int32)
    return Asked(labels, Queries(met, histories), notices)


def _by_histories(
    encoding: InteractionEncoding, labels: pa.Array, owners: Sequence[int] | NDArray[np.int32], ids: Any
) -> Asked:
    """Queries by what each of `labels` has taken: `ids[j]` by `labels[owners[j]]`."""
    import scipy.sparse as sp

    numbers, owner = encode(ids, encoding.items), np.asarray(owners, dtype=np.int32)
    known = numbers >= 0
    pairs = np.unique(owner[known].astype(np.int64) * len(encoding.items) + numbers[known])
    row, item = np.divmod(pairs, len(encoding.items))
    shape = (len(labels), len(encoding.items))
    histories = sp.csr_array((np.ones(len(pairs), np.float32), (row, item)), shape=shape)
    histories.sort_indices()
    unknown = list(dict.fromkeys(str(ids[int(place)]) for place in np.flatnonzero(~known)))
    notices = (f"left out of the history, unknown to the data: items {some(unknown)}",) if unknown else ()
    return Asked(labels, Queries(np.full(len(labels), -1, dtype=np.int32), histories), notices)


@dataclass(frozen=True)
class Narrowing:
    """What may stand in the lists.

    Args:
        allowed: bool[n_items], or None for all items.
        per_category: at most so many of a category in a list; 0 for no bound.
        categories: of each item, where there is such a bound.
        titles: string[n_items], what to show beside the ids; None where nothing is known.
        notices: one line for each thing the user should know.
    """

    allowed: NDArray[np.bool_] | None
    per_category: int
    categories: tuple[tuple[str, ...], ...]
    titles: pa.Array | None
    notices: tuple[str, ...] = ()

    @classmethod
    def of(cls, encoding: InteractionEncoding, query: Mapping[str, Any]) -> Narrowing:
        """From `allow`, `deny`, `per_category`, `category_column` and `item_table`.

        Raises:
            UserError: a value that cannot be used.
        """
        notices: tuple[str, ...] = ()
        table = encoding.item_table
        if query.get("item_table") is not None:
            source = Source.of_query(query, "item_table")
            path = str(source.data)
            table, notices = read_attributes(path, source, "item", encoding.items, ROLES["item"], None)
        allowed, unknown = _allowed(encoding.items, query.get("allow"), query.get("deny"))
        limit = query.get("per_category")
        if limit is not None and int(limit) < 1:
            raise UserError(f"--per-category {limit}: must be 1 or more")
        categories = _categories(table, query.get("category_column")) if limit is not None else ()
        return cls(allowed, int(limit or 0), categories, column_of(table, TITLES), notices + unknown)

    def fill(self, k: int, n_items: int, n: int, ask: Callable[[NDArray[np.int64], int], Lists]) -> Lists:
        """n lists of k items out of longer ones, at most `per_category` of a category.

        Args:
            k: length of the lists.
            n_items: how many items there are.
            n: how many lists.
            ask: (row numbers, length) -> longer lists of these rows, from the best.
        """
        if not self.per_category:
            return ask(np.arange(n), k)
        return longer_lists(ask, self._within_limits, n, k, n_items)

    def _within_limits(self, items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """bool[n, k]: what is left when a list is read from its best, items of full categories passed over."""
        kept = np.zeros(items.shape, dtype=bool)
        for row, line in enumerate(items.tolist()):
            counts: Counter[str] = Counter()
            for place, item in enumerate(line):
                own = self.categories[item] if item >= 0 else ()
                if all(counts[category] < self.per_category for category in own):
                    kept[row, place] = True
                    counts.update(own)
        return kept


def _allowed(
    items: pa.Array, allow: Sequence[str] | None, deny: Sequence[str] | None
) -> tuple[NDArray[np.bool_] | None, tuple[str, ...]]:
    """(which items lists may hold, what of the lists is unknown)."""
    if allow is None and deny is None:
        return None, ()
    allowed = np.full(len(items), allow is None)
    notices = []
    for name, ids, value in (("allow", allow, True), ("deny", deny, False)):
        numbers = encode([] if ids is None else list(ids), items)
        allowed[numbers[numbers >= 0]] = value
        unknown = [id for id, number in zip(ids or (), numbers, strict=True) if number < 0]
        if unknown:
            notices.append(f"of --{name}, unknown to the data: items {some(unknown)}")
    if not allowed.any():
        raise UserError("--allow and --deny leave no item that the data has")
    return allowed, tuple(notices)


def _categories(table: pa.Table | None, column: str | None) -> tuple[tuple[str, ...], ...]:
    if table is None:
        raise UserError("--per-category needs to know the items' categories; give --item-table FILE")
    if column is not None and column not in table.column_names:
        raise UserError(f"--category-column {column}: the item table has {', '.join(table.column_names)}")
    texts = column_of(table, CATEGORIES) if column is None else pc.cast(table.column(column), pa.string())
    if texts is None:
        listing = ", ".join(table.column_names)
        raise UserError(f"the item table has no category column among {listing}; say which with --category-column NAME")
    return tuple(tuple(filter(None, (text or "").split(SEPARATOR))) for text in texts.to_pylist())


def some(ids: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5:,} more" if len(ids) > 5 else "")
