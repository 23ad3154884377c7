"""From ratings to recommendations, from Python.

    python examples/recommend.py ratings.csv

The file needs a column of users and one of items. Everything found is kept in `workbench.db`.
"""

from __future__ import annotations

import sys

import workbench


def main(path: str, time: str = "30s") -> None:
    result = workbench.run("recommend", path, time=time)
    best = result.best
    print(f"{best['model']} has ndcg@10 {best['test']['ndcg@10']:.4f} on test")

    print(workbench.leaderboard(run=result.summary["run"], top=5).select(["rank", "model", "valid", "test"]))

    model = workbench.load(best["trial"])
    for row in model.predict(users="all", k=3).slice(0, 6).to_pylist():
        print(row["user"], row["rank"], row["item"])


if __name__ == "__main__":
    main(*sys.argv[1:])
