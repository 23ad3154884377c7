"""Protocol A from end to end: one call of the command for each seed, its winner's figures on test.

    WORKBENCH_DATA=FOLDER python benchmarks/protocol_a.py [--time 120s] [--seeds 3]

FOLDER holds `ml-100k/u.data` (GroupLens' MovieLens 100K, which may not be given on with this repository).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from movielens import run_protocol_a, write_protocol_a


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", default="120s")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_protocol_a(Path(name))
        for seed in range(arguments.seeds):
            found = run_protocol_a(Path(name), "--time", arguments.time, "--seed", str(seed))
            model, test = found["best"]["model"], found["best"]["test"]
            figures = f"ndcg@10 {test['ndcg@10']:.4f}  recall@10 {test['recall@10']:.4f}"
            spent = f"{sum(found['trials'].values())} trials, {found['seconds']:.0f} s"
            print(f"seed {seed}: {model}  {figures}  ({spent})")


if __name__ == "__main__":
    main()
