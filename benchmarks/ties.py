"""Ties and differences that were planted: what the leaderboard says of them.

    WORKBENCH_DATA=FOLDER python benchmarks/ties.py [--seeds 20]

FOLDER holds `ml-100k/u.data` (GroupLens' MovieLens 100K, which may not be given on with this repository). Three
questions, each put to whole runs by protocol A with five draws of the validation part:

- the same model under two names must be marked as a tie;
- a model that is about 0.02 ndcg@10 worse must not;
- two models that differ by chance alone (ALS from two random starts) should hardly ever be called different.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

PLUGINS = Path(__file__).parent / "plugins"
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH")]))

from movielens import run_protocol_a, write_protocol_a  # noqa: E402 - the plugins come first


def tied(folder: Path, first: str, second: str, seed: int) -> tuple[bool, float, float]:
    """(whether the two are marked as a tie, the leader's lead on valid, and on test)."""
    found = run_protocol_a(
        folder, "--models", f"{first},{second}", "--trials", "2", "--seed", str(seed), "--db", f"sqlite:///{seed}.db"
    )
    rows = {row["model"]: row for row in found["leaderboard"]}
    better, worse = sorted((rows[first], rows[second]), key=lambda row: -row["valid"])
    return worse["tie"], better["valid"] - worse["valid"], better["test"] - worse["test"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    questions = {"same": ("same-a", "same-b"), "worse": ("same-a", "worse"), "chance": ("twin-a", "twin-b")}
    print("| pair | marked as a tie | lead on valid, mean | lead on test, mean |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_protocol_a(folder)
        for label, (first, second) in questions.items():
            answers = [tied(folder, first, second, seed) for seed in seeds]
            ties = sum(tie for tie, _, _ in answers)
            valid, test = (sum(column) / len(answers) for column in list(zip(*answers, strict=True))[1:])
            print(f"| {label}: {first}, {second} | {ties} of {len(answers)} | {valid:.4f} | {test:.4f} |", flush=True)


if __name__ == "__main__":
    main()
