"""The task `recommend`: the items each user will take next, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from workbench import Answer, DataError, Dataset, Evaluation, Metric, Model, Source, Split, Task, UserError
from workbench.blocks.recommend import Queries, recommend, top_k
from workbench.data.columns import Checked, as_ids, find_columns
from workbench.data.ids import encode
from workbench.data.interactions import (
    OPTIONS,
    ROLES,
    InteractionEncoding,
    Interactions,
    read_held_out,
    read_interactions,
)
from workbench.data.splits import STRATEGIES, resample_valid, split_interactions
from workbench.data.tables import read_table
from workbench.metrics.ranking import cutoff, evaluate_lists, ranking_metric

SAMPLE_PACKAGE = "workbench_samples"
SAMPLE_FILE = "ml-latest-small/ratings.csv"
MAX_LENGTH = 1000


class Recommend(Task[Interactions]):
    """Ranks, for each user, the items not taken yet."""

    metrics = tuple(
        map(
            ranking_metric,
            ("ndcg@10", "recall@10", "precision@10", "hit@10", "map@10", "mrr@10", "coverage@10"),
        )
    )
    baseline = "popular"
    part = Interactions
    encoding = InteractionEncoding
    options = OPTIONS
    splits = STRATEGIES
    output = ("user", "rank", "item", "score")

    def metric(self, name: str) -> Metric:
        """Any ranking metric at any cut-off from 1 to 1000."""
        return ranking_metric(name)

    def read(self, source: Source, options: Mapping[str, str]) -> Dataset[Interactions]:
        """Read users, items and, where there are such columns, ratings and times."""
        return read_interactions(source, options)

    def split(self, dataset: Dataset[Interactions], strategy: str | None, seed: int) -> Split[Interactions]:
        """Split by one of `splits`."""
        return split_interactions(dataset, strategy, seed)

    def kept_encoding(self, dataset: Dataset[Interactions], split: Split[Interactions]) -> InteractionEncoding:
        """Knows whom the models have met: with one cut in time, some users come only after it."""
        assert isinstance(dataset.encoding, InteractionEncoding)
        return dataset.encoding.fitted_on(split.train_valid)

    def resample(self, split: Split[Interactions], draw: int, seed: int) -> tuple[Interactions, Interactions]:
        """Another draw of valid, or by time an earlier window."""
        return resample_valid(split, draw, seed)

    def evaluate(self, model: Model, part: Interactions, metrics: Sequence[str]) -> Evaluation:
        """Rank all items but the known ones for every user with held-out items."""
        assert part.known is not None
        relevant, known = part.matrix, part.known.matrix
        users = np.flatnonzero(np.diff(relevant.indptr))
        if len(users) < part.n_users:
            relevant, known = relevant[users], known[users]
        queries = Queries(users.astype(np.int32), known)
        lists, _, _ = answer_queries(model, queries, cutoff(metrics), known, part.known.items)
        return evaluate_lists(lists, relevant, metrics, users.astype(np.int64))

    def held_out(
        self, source: Source, options: Mapping[str, str], encoding: InteractionEncoding
    ) -> tuple[Interactions, tuple[str, ...]]:
        """New interactions of users that the run has met, with items that it has met."""
        return read_held_out(source, options, encoding)

    def answer(self, model: Model, encoding: InteractionEncoding, query: Mapping[str, Any]) -> Answer:
        """Lists for `users` (ids, or "all"), for one `history` of item ids, or for the users of an `input` file.

        Users that the model has not met are answered from their history where it can, else by popularity;
        column `answered_by` says which.
        """
        k = int(query.get("k", 10))
        if not 1 <= k <= MAX_LENGTH:
            raise UserError(f"-k {k}: must be from 1 to {MAX_LENGTH}")
        labels, queries, notices = _queries(encoding, query)
        items, scores, how = answer_queries(model, queries, k, queries.histories, encoding.taken)
        rows, ranks = np.nonzero(items >= 0)
        table = pa.table(
            {
                "user": labels.take(pa.array(rows)),
                "rank": pa.array(ranks + 1, pa.int32()),
                "item": encoding.items.take(pa.array(items[rows, ranks])),
                "score": pa.array(scores[rows, ranks]),
                "answered_by": pa.array(how[rows]),
            }
        )
        return Answer(table, tuple(notices))

    def sample(self) -> Source:
        """MovieLens latest-small where the sample package is installed, else made-up data."""
        package = find_spec(SAMPLE_PACKAGE)
        if package is None or package.origin is None:
            return Source(made_up_ratings(seed=0, users=400, items=300), made_up=True)
        return Source(Path(package.origin).parent / SAMPLE_FILE)

    def example(self, seed: int) -> Source:
        """Forty users, thirty items."""
        return Source(made_up_ratings(seed, users=40, items=30), made_up=True)


def answer_queries(model: Any, queries: Queries, k: int, exclude: Any, taken: NDArray[np.int32]) -> tuple[
    NDArray[np.int32], NDArray[np.float32], NDArray[np.str_]
]:  # fmt: skip
    """Lists by the model where it can, else by popularity, as when the model is put to use.

    Args:
        model: fitted.
        queries: n of them.
        k: length of the lists.
        exclude: CSR, n × n_items, items not to recommend.
        taken: int32, the item of every interaction, by which items are popular.

    Returns:
        Items int32[n, k], scores float32[n, k], and for each query `model`, `history` or `popularity`.
    """
    empty = np.diff(queries.histories.indptr) == 0
    known = queries.users >= 0
    # A user number without any history was numbered from held-out rows: the model has learned nothing of it.
    answerable = np.flatnonzero(~empty)
    n_items = queries.histories.shape[1]
    items = np.full((len(queries), k), -1, dtype=np.int32)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    how = np.where(known, "model", "history").astype("<U10")
    if len(answerable) == len(queries):
        items, scores = recommend(model, queries, k, exclude)
    elif len(answerable):
        items[answerable], scores[answerable] = recommend(model, queries.take(answerable), k, exclude[answerable])
    rest = np.flatnonzero(items[:, 0] < 0)
    rest = rest[np.diff(exclude.indptr)[rest] < n_items]
    if len(rest):
        popularity = np.bincount(taken, minlength=n_items).astype(np.float32)
        items[rest], scores[rest] = _most_popular(popularity, exclude[rest], k)
        how[rest] = "popularity"
    return items, scores, how


def _most_popular(
    popularity: NDArray[np.float32], exclude: Any, k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    block = np.repeat(popularity[None, :], exclude.shape[0], axis=0)
    block[np.repeat(np.arange(exclude.shape[0]), np.diff(exclude.indptr)), exclude.indices] = -np.inf
    return top_k(block, k)


def _queries(encoding: InteractionEncoding, query: Mapping[str, Any]) -> tuple[pa.Array, Queries, list[str]]:
    """(a label for each query, the queries, what to tell the user)."""
    import scipy.sparse as sp

    if query.get("history") is not None:
        ids = list(query["history"])
        numbers = encode(ids, encoding.items)
        unknown = [id for id, number in zip(ids, numbers, strict=True) if number < 0]
        found = np.unique(numbers[numbers >= 0])
        ones = np.ones(len(found), dtype=np.float32)
        shape = (1, len(encoding.items))
        history = sp.csr_array((ones, found, np.array([0, len(found)])), shape=shape)
        notices = [f"left out of the history, unknown to the data: items {_some(unknown)}"] if unknown else []
        return pa.array(["-"]), Queries(np.array([-1], dtype=np.int32), history), notices
    users = query.get("users")
    if query.get("input") is not None:
        users = _users_of(Path(query["input"]))
    if users is None:
        raise UserError("say whom to recommend to: --users 1,2 or all, --history i1,i2, or --input FILE")
    users = [users] if isinstance(users, str) else list(users)
    labels = encoding.users if users == ["all"] else pa.array(users, pa.string())
    numbers = encode(labels, encoding.users)
    unknown = [labels[int(row)].as_py() for row in np.flatnonzero(numbers < 0)]
    rows = np.maximum(numbers, 0)
    histories = encoding.histories[rows]
    if unknown:
        keep = sp.diags_array((numbers >= 0).astype(np.float32), format="csr")
        histories = sp.csr_array(keep @ histories)
        histories.eliminate_zeros()
    notices = [f"answered by popularity, unknown to the data: users {_some(unknown)}"] if unknown else []
    met = np.where((numbers >= 0) & encoding.met[rows], numbers, -1).astype(np.int32)
    return labels, Queries(met, histories), notices


def _users_of(path: Path) -> list[str]:
    """The users of a file, each once: of its user column, or of its only one."""
    source = Source(path)
    table = read_table(path, source)
    names = table.columns.column_names
    only = names[0] if len(names) == 1 else None
    column = find_columns(table, {"user": ROLES["user"]}, {"user": only}, required=()).get("user")
    if column is None:
        raise DataError(f"{path.name}: no user column among {', '.join(names)}; head it user, or give one column alone")
    return list(dict.fromkeys(as_ids(Checked(table, skip=False), column).to_pylist()))


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5:,} more" if len(ids) > 5 else "")


def made_up_ratings(seed: int, users: int, items: int) -> pa.Table:
    """Ratings from a seeded taste model: users and items in four groups, popularity by a power law."""
    rng = np.random.default_rng(seed)
    groups = 4
    likes = np.arange(users) % groups
    weights = (1 / np.arange(1, items + 1) ** 0.8) * np.where(np.arange(items) % groups == likes[:, None], 6.0, 1.0)
    length = max(6, items // 8)
    rows = [rng.choice(items, size=length, replace=False, p=weight / weight.sum()) for weight in weights]
    taken = np.concatenate(rows)
    owner = np.repeat(np.arange(users), length)
    fits = taken % groups == likes[owner]
    return pa.table(
        {
            "user": [f"u{number + 1}" for number in owner],
            "item": [f"i{number + 1}" for number in taken],
            "rating": np.clip(np.round(rng.normal(np.where(fits, 4.2, 3.0), 0.7)), 1, 5),
            "timestamp": 1_600_000_000 + rng.integers(0, 10**7, size=len(owner)),
        }
    )
