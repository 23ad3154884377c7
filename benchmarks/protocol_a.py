"""Protocol A from end to end: one call of the command for each seed, its winner's figures on test.

    WORKBENCH_DATA=FOLDER python benchmarks/protocol_a.py [--time 120s] [--seeds 3]

FOLDER holds `ml-100k/u.data` (GroupLens' MovieLens 100K, which may not be given on with this repository).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from movielens import protocol_a_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", default="120s")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    rows, held = protocol_a_rows(Path(os.environ["WORKBENCH_DATA"]) / "ml-100k" / "u.data")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, mask in (("train.csv", ~held), ("test.csv", held)):
            lines = "".join(f"{user},{item},{rating}\n" for user, item, rating, _ in rows[mask])
            (folder / file).write_text("user,item,rating\n" + lines)
        for seed in range(arguments.seeds):
            options = f"--task recommend --data train.csv --test-data test.csv --time {arguments.time} --json"
            command = [sys.executable, "-m", "workbench", "run", *options.split(), "--seed", str(seed)]
            found = json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout)
            model, test = found["best"]["model"], found["best"]["test"]
            figures = f"ndcg@10 {test['ndcg@10']:.4f}  recall@10 {test['recall@10']:.4f}"
            spent = f"{sum(found['trials'].values())} trials, {found['seconds']:.0f} s"
            print(f"seed {seed}: {model}  {figures}  ({spent})")


if __name__ == "__main__":
    main()
