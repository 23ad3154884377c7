"""The task `recommend`: the items each user will take next, ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workbench import Answer, Dataset, Evaluation, Group, Metric, Model, Probe, Source, Split, Task, UserError
from workbench.blocks.recommend import Queries
from workbench.blocks.top_k import Lists
from workbench.data.interactions import InteractionEncoding, Interactions
from workbench.data.reading import OPTIONS, read_held_out, read_interactions
from workbench.data.splits import STRATEGIES, fold_valid, resample_valid, split_interactions
from workbench.metrics.groups import by_activity, by_popularity
from workbench.metrics.ranking import FAMILIES, cutoff, evaluate_lists, hits_in, is_ranking_metric, ranking_metric
from workbench_recommend.answers import Narrowing, answer_queries, asked, fill_by_popularity, lists_by
from workbench_recommend.blending import DEPTH, Ensemble, blender

SAMPLE_PACKAGE = "workbench_samples"
SAMPLE_FILE = "ml-latest-small/ratings.csv"
MAX_LENGTH = 1000


class Recommend(Task[Interactions]):
    """Ranks, for each user, the items not taken yet."""

    metrics = tuple(ranking_metric(f"{family}@10") for family in FAMILIES)
    baseline = "popular"
    part = Interactions
    encoding = InteractionEncoding
    options = OPTIONS
    splits = STRATEGIES
    output = ("user", "rank", "item", "score")
    usage = "--users all -k 10 --output lists.csv"

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

    def fold(self, split: Split[Interactions], number: int, of: int, seed: int) -> tuple[Interactions, Interactions]:
        """Each user's interactions are dealt out to the folds at random; by time, folds are windows."""
        return fold_valid(split, number, of, seed)

    def thinned(self, part: Interactions, most: int) -> Interactions:
        """The held-out items of so many users; the same users in every draw, as far as it holds out any of theirs."""
        users = scored_users(part)
        if len(users) <= most:
            return part
        rank = np.random.default_rng(0).permutation(part.n_users)
        chosen = np.zeros(part.n_users, dtype=bool)
        chosen[users[np.argsort(rank[users])[:most]]] = True
        return part.take(chosen[part.users], known=part.known)

    def evaluate(self, model: Model, part: Interactions, metrics: Sequence[str]) -> Evaluation:
        """Rank all items, but the known ones unless they may repeat, for every user with held-out items.

        `answers` are `items`, int32[n, k], and `scores`, float32[n, k]; `truth` is a CSR of n × n_items.
        """
        assert part.known is not None
        queries, exclude = asked_by(part, users := scored_users(part))
        items, scores, _ = answer_queries(model, queries, cutoff(metrics), exclude, part.known.items)
        return scored((items, scores), part, users, held_out_by(part, users), metrics)

    def answers(self, model: Model, part: Interactions, metrics: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        """`items`, int32[n, k], and `scores`, float32[n, k], for every user with held-out items; k is 200 or more.

        Lists are empty where the model knows nothing of a user: then it has no say.
        """
        queries, exclude = asked_by(part, scored_users(part))
        items, scores = lists_by(model, queries, max(DEPTH, cutoff(metrics)), exclude)
        return {"items": items, "scores": scores}

    def blend(
        self,
        answers: Sequence[Mapping[str, NDArray[Any]]],
        part: Interactions,
        rows: NDArray[np.int64],
        metrics: Sequence[str],
    ) -> Callable[[Sequence[int]], Evaluation]:
        """Weights -> how the blended lists do."""
        users = scored_users(part)[rows]
        relevant, (_, exclude) = held_out_by(part, users), asked_by(part, users)
        blended = blender([(own["items"], own["scores"]) for own in answers], cutoff(metrics))

        def evaluate(weights: Sequence[int]) -> Evaluation:
            assert part.known is not None
            lists = blended(weights)
            fill_by_popularity(lists, exclude, part.known.items)
            return scored(lists, part, users, relevant, metrics)

        return evaluate

    def ensemble(self, models: Sequence[Model], weights: Sequence[int]) -> Ensemble:
        """Models whose lists are blended."""
        return Ensemble(models, weights)

    def groups(self, evaluation: Evaluation, part: Interactions, metrics: Sequence[str]) -> tuple[Group, ...]:
        """By users' activity, the first metric that is a mean over users; by items' popularity, recall as far down."""
        assert part.known is not None and evaluation.example_ids is not None
        means = [name for name in metrics if name in evaluation.per_example]
        if not means:
            return ()
        n_known = np.diff(part.known.matrix.indptr)[evaluation.example_ids]
        of_users = by_activity(means[0], evaluation.per_example[means[0]], n_known)
        k = cutoff(means[:1])
        lists, relevant = evaluation.answers["items"][:, :k], evaluation.truth
        found = np.bincount(lists[hits_in(lists, relevant)], minlength=part.n_items)
        held_out = np.bincount(relevant.indices, minlength=part.n_items)
        return *of_users, *by_popularity(f"recall@{k}", part.known.popularity, found, held_out)

    def held_out(
        self, source: Source, options: Mapping[str, str], encoding: InteractionEncoding
    ) -> tuple[Interactions, tuple[str, ...]]:
        """New interactions of users that the run has met, with items that it has met."""
        return read_held_out(source, options, encoding)

    def answer(self, model: Model, encoding: InteractionEncoding, query: Mapping[str, Any]) -> Answer:
        """Lists of at most `k` items, best first.

        For `users` (ids, or "all"), for one `history` of item ids, or for an `input` file: of users, or of users
        and the items they have taken. `allow` and `deny` are item ids; at most `per_category` items of one category
        (`category_column` of the item table) stand in a list; `item_table` is a file with a row for each item,
        where the run was given none.

        Users that the model has not met are answered from their history where it can, else by popularity;
        column `answered_by` says which. Column `title` is there where the item table has titles.
        """
        k = int(query.get("k", 10))
        if not 1 <= k <= MAX_LENGTH:
            raise UserError(f"-k {k}: must be from 1 to {MAX_LENGTH}")
        whom = asked(encoding, query)
        narrowing = Narrowing.of(encoding, query)
        histories = whom.queries.histories
        exclude = nothing_like(histories) if encoding.repeats else histories
        how = np.full(len(whom.queries), "", dtype="<U10")

        def ask(rows: NDArray[np.int64], length: int) -> Lists:
            chosen = whom.queries.take(rows)
            items, scores, how[rows] = answer_queries(
                model, chosen, length, exclude[rows], encoding.taken, narrowing.allowed
            )
            return items, scores

        items, scores = narrowing.fill(k, len(encoding.items), len(whom.queries), ask)
        rows, ranks = np.nonzero(items >= 0)
        chosen = pa.array(items[rows, ranks])
        columns = {
            "user": whom.labels.take(pa.array(rows)),
            "rank": pa.array(ranks + 1, pa.int32()),
            "item": encoding.items.take(chosen),
            "score": pa.array(scores[rows, ranks]),
            "answered_by": pa.array(how[rows]),
        }
        if narrowing.titles is not None:
            columns["title"] = narrowing.titles.take(chosen)
        return Answer(pa.table(columns), whom.notices + narrowing.notices)

    def probes(self, encoding: InteractionEncoding, folder: Path) -> tuple[Probe, ...]:
        """Users and items that nobody knows, nobody, nothing, and more than there is."""
        n_items, user = len(encoding.items), encoding.users[0].as_py()
        left = n_items if encoding.repeats else n_items - encoding.histories[[0]].nnz
        stranger, strange = "a user nobody knows", "an item nobody knows"
        return (
            Probe("every user", {"users": ["all"], "k": 3}, rows=3 * len(encoding.users)),
            Probe("an unknown user", {"users": [stranger], "k": 5}, rows=5),
            Probe("a known and an unknown user", {"users": [user, stranger], "k": 5}, rows=10),
            Probe("an empty history", {"history": [], "k": 5}, rows=5),
            Probe("a history of unknown items", {"history": [strange], "k": 5}, rows=5),
            Probe("a history", {"history": encoding.items[:2].to_pylist(), "k": 5}, rows=5),
            Probe("no users", {"users": [], "k": 5}, rows=0),
            Probe("k above the catalogue", {"users": [user], "k": n_items + 7}, rows=left),
            Probe("k = 0", {"users": [user], "k": 0}, refused=True),
        )

    def sample(self) -> Source:
        """MovieLens latest-small where the sample package is installed, else made-up data."""
        package = find_spec(SAMPLE_PACKAGE)
        if package is None or package.origin is None:
            return Source(renumbered(made_up_ratings(seed=0, users=400, items=300), seed=0), made_up=True)
        return Source(Path(package.origin).parent / SAMPLE_FILE)

    def example(self, seed: int) -> Source:
        """Forty users, thirty items."""
        return Source(renumbered(made_up_ratings(seed, users=40, items=30), seed), made_up=True)


def scored_users(part: Interactions) -> NDArray[np.int64]:
    """int64[n], ascending: the users with held-out items."""
    return np.flatnonzero(np.diff(part.matrix.indptr))


def asked_by(part: Interactions, users: NDArray[np.int64]) -> tuple[Queries, Any]:
    """What is asked for these users of a held-out part, and a CSR of what may not be answered."""
    assert part.known is not None
    known = part.known.matrix if len(users) == part.n_users else part.known.matrix[users]
    return Queries(users.astype(np.int32), known), nothing_like(known) if part.repeats else known


def held_out_by(part: Interactions, users: NDArray[np.int64]) -> Any:
    """CSR, n × n_items: what these users of a held-out part took."""
    return part.matrix if len(users) == part.n_users else part.matrix[users]


def scored(
    lists: Lists, part: Interactions, users: NDArray[np.int64], relevant: Any, metrics: Sequence[str]
) -> Evaluation:
    """How lists of these users do on a part that holds `relevant` for them."""
    assert part.known is not None
    items, scores = lists
    own = [name for name in metrics if is_ranking_metric(name)]
    found = evaluate_lists(items, relevant, own, users, part.known.popularity, part.n_users)
    return replace(found, answers={"items": items, "scores": scores}, truth=relevant)


def nothing_like(matrix: Any) -> Any:
    """A CSR of the same shape that holds nothing."""
    import scipy.sparse as sp

    return sp.csr_array(matrix.shape, dtype=np.float32)


def made_up_ratings(seed: int, users: int, items: int) -> pa.Table:
    """Ratings from a seeded taste model: users and items in four groups, popularity by a power law, `i1` the first."""
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


def renumbered(ratings: pa.Table, seed: int) -> pa.Table:
    """The same with the items' ids dealt out anew.

    Ties are broken by item number: were that the order of popularity, to know nothing would be to know much.
    """
    ids = ratings.column("item").unique().sort()
    dealt = ids.take(pa.array(np.random.default_rng(seed).permutation(len(ids))))
    return ratings.set_column(1, "item", dealt.take(pc.index_in(ratings.column("item"), ids)))
