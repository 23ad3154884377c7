"""Protocol A, paired with irspack: who picks the better model in the same time, on the same machine, by turns.

    WORKBENCH_DATA=FOLDER python benchmarks/peer_irspack.py [--time 120] [--seeds 3]

FOLDER holds `ml-100k/u.data` (GroupLens' MovieLens 100K, which may not be given on with this repository); irspack must
be installed beside Workbench. For each seed ours is one call of the command, irspack's what its users write: each of
its algorithms tuned for an equal share of the time on a validation part, the best by validation fitted again on all of
the training data. Both lists of ten are scored here, by the same numpy code, and compared user by user. The second
table says after how many CPU seconds of trials the best single model's validation was reached to 99 %.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import logging
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from movielens import protocol_a_rows, ratings_file, run_protocol_a, write_protocol_a
from numpy.typing import NDArray

DISCOUNTS = 1 / np.log2(np.arange(2, 12))


def parts() -> tuple[sp.csr_matrix, sp.csr_matrix, NDArray[np.int64], NDArray[np.int64]]:
    """(train float32[users, items], test, the ids of the users, of the items), by protocol A."""
    rows, held = protocol_a_rows(ratings_file())
    users, user_of = np.unique(rows[:, 0], return_inverse=True)
    items, item_of = np.unique(rows[:, 1], return_inverse=True)

    def matrix(mask: NDArray[np.bool_]) -> sp.csr_matrix:
        ones = np.ones(mask.sum(), dtype=np.float32)
        return sp.csr_matrix((ones, (user_of[mask], item_of[mask])), shape=(len(users), len(items)))

    return matrix(~held), matrix(held), users, items


def scored(lists: NDArray[np.int64], test: sp.csr_matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(ndcg@10 float64[users], recall@10) of lists int64[users, 10], best first."""
    hits = np.asarray(test[np.arange(len(lists))[:, None], lists].todense()) > 0
    relevant = np.diff(test.indptr)
    ideal = np.concatenate([[0], np.cumsum(DISCOUNTS)])[np.minimum(relevant, 10)]
    return (hits @ DISCOUNTS) / ideal, hits.sum(axis=1) / relevant


def by_irspack(train: sp.csr_matrix, seconds: float, seed: int) -> tuple[str, NDArray[np.int64]]:
    """(the algorithm that irspack's validation picks, its lists int64[users, 10])."""
    import optuna
    from irspack import AsymmetricCosineKNNRecommender, DenseSLIMRecommender, IALSRecommender, RP3betaRecommender
    from irspack.evaluation import Evaluator
    from irspack.split import rowwise_train_test_split

    warnings.filterwarnings("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    silent = logging.getLogger("silent")
    silent.addHandler(logging.NullHandler())
    silent.propagate = False
    fitted, held = rowwise_train_test_split(train, test_ratio=0.1, random_state=seed)
    evaluator = Evaluator(held, cutoff=10, target_metric="ndcg")
    algorithms = [DenseSLIMRecommender, RP3betaRecommender, AsymmetricCosineKNNRecommender, IALSRecommender]
    started, found = time.monotonic(), []
    for index, algorithm in enumerate(algorithms):
        share = (seconds - (time.monotonic() - started)) / (len(algorithms) - index)
        with contextlib.redirect_stdout(io.StringIO()):  # its progress bars
            params, trials = algorithm.tune(
                fitted, evaluator, n_trials=100_000, timeout=int(share), tuning_random_seed=seed, logger=silent
            )
        found.append((trials["ndcg@10"].max(), algorithm.__name__, algorithm, params))
    _, name, algorithm, params = max(found, key=lambda one: one[0])
    scores = np.array(algorithm(train, **params).learn().get_score(np.arange(train.shape[0])), dtype=np.float64)
    scores[train.nonzero()] = -np.inf
    return name.removesuffix("Recommender"), np.argsort(-scores, axis=1, kind="stable")[:, :10]


def by_ours(folder: Path, seconds: float, seed: int, users: Any, items: Any) -> tuple[str, NDArray[np.int64], str]:
    """(our winner, its lists int64[users, 10], how long its 99 % took)."""
    url = f"sqlite:///{seed}.db"
    found = run_protocol_a(folder, "--time", f"{seconds}s", "--seed", str(seed), "--db", url)
    best = found["best"]
    command = [sys.executable, "-m", "workbench", "predict", best["trial"], "--users", "all", "-k", "10", "--db", url]
    subprocess.run([*command, "--output", "lists.csv"], cwd=folder, check=True, capture_output=True)
    lists = np.zeros((len(users), 10), dtype=np.int64)
    with (folder / "lists.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            place = np.searchsorted(users, int(row["user"])), int(row["rank"]) - 1
            lists[place] = np.searchsorted(items, int(row["item"]))
    return best["model"], lists, nearly_best(folder / f"{seed}.db")


def nearly_best(database: Path) -> str:
    """When the search had 99 % of its best single model's validation: trials, their CPU seconds, the model."""
    query = "SELECT model, objective, cpu_seconds FROM trial WHERE model <> 'ensemble' ORDER BY finished_at, number"
    connection = sqlite3.connect(database)
    rows = [(model, value or 0.0, spent or 0.0) for model, value, spent in connection.execute(query)]
    connection.close()
    enough = 0.99 * max(value for _, value, _ in rows)
    first = next(index for index, (_, value, _) in enumerate(rows) if value >= enough)
    spent = sum(row[2] for row in rows[: first + 1])
    return f"{first + 1} | {rows[first][0]} | {spent:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", type=float, default=120)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    train, test, users, items = parts()
    nearly = []
    print(
        "| seed | ours | ndcg@10 | recall@10 | irspack | ndcg@10 | recall@10 | gain in ndcg@10 |\n" + "|---" * 8 + "|"
    )
    with tempfile.TemporaryDirectory() as name:
        write_protocol_a(Path(name))
        for seed in range(given.seeds):
            ours, lists, reached = by_ours(Path(name), given.time, seed, users, items)
            theirs, peer_lists = by_irspack(train, given.time, seed)
            (ndcg, recall), (peer_ndcg, peer_recall) = scored(lists, test), scored(peer_lists, test)
            gain = ndcg - peer_ndcg
            error = gain.std(ddof=1) / np.sqrt(len(gain))
            print(
                f"| {seed} | {ours} | {ndcg.mean():.4f} | {recall.mean():.4f} | {theirs} | {peer_ndcg.mean():.4f} | "
                f"{peer_recall.mean():.4f} | {gain.mean():.4f} ± {error:.4f} ({gain.mean() / error:.1f} errors) |",
                flush=True,
            )
            nearly.append(f"| {seed} | {reached} |")
    print("\n| seed | 99 % after trial | model | CPU seconds of the trials so far |\n|---|---|---|---|")
    print("\n".join(nearly))


if __name__ == "__main__":
    main()
