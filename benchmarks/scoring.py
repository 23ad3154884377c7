"""Scoring all users with the ranking metrics, against plain numpy and against `implicit`: users per CPU second.

    WORKBENCH_DATA=FOLDER python benchmarks/scoring.py [--repetitions 40]

FOLDER holds `ml-100k/u.data` (GroupLens' MovieLens 100K, which may not be given on with this repository). Ours
is `Recommend().evaluate`, as a trial runs it; the peers' are their own whole evaluations of the same weights
or factors. All run in this one process on one thread, by turns, so that what else the machine does meets all
alike; ratios are taken within a turn.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

# BLAS and OpenMP read these once, when numpy loads them.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from movielens import protocol_a_rows, ratings_file
from threadpoolctl import threadpool_limits

from workbench import Context, Model, Source, Split
from workbench.data.interactions import Interactions
from workbench_recommend.als import ALS
from workbench_recommend.ease import EASE
from workbench_recommend.item_knn import ItemKNN
from workbench_recommend.task import Recommend
from workbench_recommend.user_knn import UserKNN

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRICS = ("ndcg@10", "recall@10")


@dataclass(frozen=True)
class Contest:
    """One model, evaluated by us and by a peer; each gives what it found, NDCG@10 first."""

    title: str
    ours: Callable[[], Sequence[float]]
    peer: Callable[[], Sequence[float]]


def protocol_a(path: Path) -> tuple[Split[Interactions], sp.csr_matrix, sp.csr_matrix]:
    """(our split, train, test): a fifth of each user's ratings, drawn from one stream, are test.

    All ratings count as positive. The matrices are float32 CSR, users × items, ones where taken.
    """
    rows, held = protocol_a_rows(path)
    _, users, counts = np.unique(rows[:, 0], return_inverse=True, return_counts=True)
    _, items = np.unique(rows[:, 1], return_inverse=True)

    def matrix(mask: NDArray[np.bool_]) -> sp.csr_matrix:
        ones = np.ones(mask.sum(), dtype=np.float32)
        return sp.csr_matrix((ones, (users[mask], items[mask])), shape=(len(counts), items.max() + 1))

    def table(mask: NDArray[np.bool_]) -> pa.Table:
        return pa.table(dict(zip(("user", "item", "rating", "timestamp"), rows[mask].T, strict=True)))

    task = Recommend()
    split = task.split(task.read(Source(table(~held), table(held)), {}), None, 0)
    train, test = matrix(~held), matrix(held)
    assert (split.train_valid.matrix != train).nnz == 0 and (split.test.matrix != test).nnz == 0
    return split, train, test


def plain_numpy(scores: NDArray[np.float32], train: sp.csr_matrix, test: sp.csr_matrix) -> list[float]:
    """NDCG@10 and recall@10 as one would write it down: no blocks, no care for equal scores; spoils `scores`."""
    scores[train.nonzero()] = -np.inf
    best = np.argpartition(scores, scores.shape[1] - 10, axis=1)[:, -10:]
    order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
    top = np.take_along_axis(best, order, 1)
    relevant = np.asarray(test.astype(bool).todense())
    hits = relevant[np.arange(len(top))[:, None], top]
    counts = np.diff(test.indptr)
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(discounts)[np.minimum(counts, 10) - 1]
    return [((hits * discounts).sum(axis=1) / ideal).mean(), (hits.sum(axis=1) / counts).mean()]


def plain_neighbours(model: UserKNN, train: sp.csr_matrix) -> NDArray[np.float32]:
    """The scores of user neighbours without shrinkage, as one would write it down."""
    counts = np.maximum(np.bincount(train.indices, minlength=train.shape[1]), 1)
    weighted = sp.csr_array(train) @ sp.diags_array((counts ** (-model.item_discount / 2)).astype(np.float32))
    lengths = np.sqrt(weighted.multiply(weighted).sum(axis=1))
    similar = (weighted @ weighted.T).toarray() / (lengths[:, None] * lengths)
    nearest = np.argpartition(similar, len(similar) - model.neighbours, axis=1)[:, -model.neighbours :]
    values = np.take_along_axis(similar, nearest, 1) ** model.amplification
    starts = np.arange(len(similar) + 1) * model.neighbours
    return (sp.csr_array((values.ravel(), nearest.ravel(), starts), shape=similar.shape) @ train).toarray()


def contests(split: Split[Interactions], train: sp.csr_matrix, test: sp.csr_matrix) -> list[Contest]:
    """What is compared, every model fitted."""
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.evaluation import ranking_metrics_at_k

    def ours(model: Any) -> Callable[[], list[float]]:
        task = Recommend()
        return lambda: list(task.evaluate(model, split.test, METRICS).metrics.values())

    def fitted(kind: type[Model], **params: float) -> Any:
        model = kind.build(params)
        model.fit(split.train_valid, Context())
        return model

    ease, neighbours = fitted(EASE, l2=500.0), fitted(ItemKNN)
    dense = neighbours.weights_.toarray()  # sparse weights would take the peer longer
    users = fitted(UserKNN)
    by_numpy = {
        "EASE": (ease, lambda: train @ ease.weights_),
        "item neighbours": (neighbours, lambda: train @ dense),
        "user neighbours": (users, lambda: plain_neighbours(users, train)),
    }

    def plain(scores: Callable[[], NDArray[np.float32]]) -> Callable[[], list[float]]:
        return lambda: plain_numpy(scores(), train, test)

    found = [
        Contest(f"{title} / plain numpy", ours(model), plain(scores)) for title, (model, scores) in by_numpy.items()
    ]
    everyone = np.arange(train.shape[0])
    for factors in (16, 64, 128):
        als = fitted(ALS, factors=factors)
        solver = AlternatingLeastSquares(factors=factors, num_threads=1)
        solver.user_factors, solver.item_factors = als.user_factors_, als.item_factors_

        def evaluation(solver: Any = solver) -> list[float]:
            return [ranking_metrics_at_k(solver, train, test, K=10, show_progress=False, num_threads=1)["ndcg"]]

        def lists(solver: Any = solver) -> list[float]:
            solver.recommend(everyone, train, N=10, filter_already_liked_items=True)
            return []

        name = f"ALS, {factors} factors / implicit's"
        found += [Contest(f"{name} `ranking_metrics_at_k`", ours(als), evaluation)]
        found += [Contest(f"{name} `recommend`, no metrics", ours(als), lists)]
    return found


def cpu_seconds(call: Callable[[], Any]) -> float:
    """CPU seconds of this process, all its threads, for one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Measure and print the table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=40, help="paired measurements of each row (default: 40)")
    repetitions = parser.parse_args().repetitions
    split, train, test = protocol_a(ratings_file())
    users = train.shape[0]
    columns = ("model / peer", "ours, users per CPU s", "peer's", "ratio: median (min to max)", "our NDCG@10", "peer's")
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    with threadpool_limits(1):
        for contest in contests(split, train, test):
            values = [found[0] if found else np.nan for found in (contest.ours(), contest.peer())]  # warms both up
            pairs = np.empty((repetitions, 2))
            for turn in range(repetitions):
                # By turns the one or the other goes first, since the second finds other things in the cache.
                for side in (0, 1) if turn % 2 else (1, 0):
                    pairs[turn, side] = cpu_seconds((contest.ours, contest.peer)[side])
            ratio = pairs[:, 1] / pairs[:, 0]
            ours, peers = users / np.median(pairs, axis=0)
            spread = f"{np.median(ratio):.2f} ({ratio.min():.2f} to {ratio.max():.2f})"
            figures = " | ".join(f"{value:.4f}" for value in values).replace("nan", "-")
            print(f"| {contest.title} | {ours:,.0f} | {peers:,.0f} | {spread} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
