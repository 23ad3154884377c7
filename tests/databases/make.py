"""Makes `schema-N.db`, a small real database of the schema that is about to be released, and what it answers.

    python tests/databases/make.py

Once a schema is released its two files stay as they are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.csv as pc

from workbench.store.schema import SCHEMA_VERSION
from workbench_recommend.task import made_up_ratings

HERE = Path(__file__).parent
RUN = "run --task recommend --data ratings.csv --trials 4 --models item-knn,ease,pure-svd --keep 4 --workers 1"
ROW = ("rank", "tie", "run", "trial", "number", "model", "plugin", "metric", "draws", "valid", "test", "params")
TRIAL = (
    "trial",
    "uuid",
    "run",
    "model",
    "state",
    "params",
    "seed",
    "valid",
    "test",
    "groups",
    "mistakes",
    "artifacts",
    "finished_at",
)
SUMMARY = ("run", "task", "dataset", "split", "metric", "state", "trials", "best_trial", "best_test", "models", "facts")


def main() -> None:
    target = HERE / f"schema-{SCHEMA_VERSION}.db"
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        pc.write_csv(made_up_ratings(seed=1, users=40, items=30), "ratings.csv")

        def call(*arguments: str) -> Any:
            command = [sys.executable, "-m", "workbench", *arguments, "--json", "--db", f"sqlite:///{target}"]
            return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

        call(*RUN.split())
        board = call("leaderboard")["leaderboard"]
        kept = [row["trial"] for row in board if call("show", row["trial"])["artifacts"]]
        answers = {trial: call("predict", trial, "--users", "u1,u7", "-k", "3")["predictions"] for trial in kept}
        trial, run = call("show", kept[-1]), call("show", "1")
    expected = {
        "leaderboard": [{name: row[name] for name in ROW} for row in board],
        "trial": {name: trial[name] for name in TRIAL},
        "run": {name: run[name] for name in SUMMARY},
        "predict": {
            trial: [[row["user"], row["rank"], row["item"], row["score"]] for row in rows]
            for trial, rows in answers.items()
        },
    }
    target.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
