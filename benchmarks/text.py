"""The task `text-classification` from end to end: one call of the command for each data set and seed.

    WORKBENCH_DATA=FOLDER python benchmarks/text.py [--time 60s] [--seeds 3] [--only rt-polarity,trec6] [-- OPTIONS]

FOLDER holds the folders `rt-polarity` (rt-polarity.neg and .pos, Pang and Lee 2005), `trec6` (TREC.train and TREC.test,
Li and Roth 2002), `waimai_10k` (waimai_10k.csv, ChineseNlpCorpus) and `sms-spam` (SMSSpamCollection, Almeida and
Hidalgo 2011), which may not all be given on with this repository. TREC-6 is scored on its own test part, the others on
a fifth that the seed draws. OPTIONS are those of `workbench run`, such as `--pretrained FOLDER`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

DATA = {
    "rt-polarity": (["--data", "{folder}/rt-polarity"], "accuracy"),
    "trec6": (["--data", "train.csv", "--test-data", "test.csv"], "accuracy"),
    "waimai_10k": (["--data", "{folder}/waimai_10k/waimai_10k.csv"], "accuracy"),
    "sms-spam": (["--data", "{folder}/sms-spam/SMSSpamCollection"], "f1@spam"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", default="60s")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default=",".join(DATA))
    parser.add_argument("options", nargs="*")
    arguments = parser.parse_args()
    folder = Path(os.environ["WORKBENCH_DATA"]).resolve()
    print("| data | seed | winner | metric | test | best single, accuracy | trials | seconds | 95 % of it after |")
    print("|---" * 9 + "|")
    for name in arguments.only.split(","):
        given, metric = DATA[name]
        for seed in range(arguments.seeds):
            with tempfile.TemporaryDirectory() as place:
                if name == "trec6":
                    write_trec6(folder / name, Path(place))
                options = [each.format(folder=folder) for each in given] + [
                    "--time",
                    arguments.time,
                    "--seed",
                    str(seed),
                    *arguments.options,
                ]
                found, first = run(Path(place), options)
            best = found["best"]
            single = next(row for row in found["leaderboard"] if row["model"] != "ensemble")
            figures = f"{metric} | {best['test'][metric]:.4f} | {single['model']} {single['test']:.4f}"
            spent = f"{sum(found['trials'].values())} | {found['seconds']:.0f} | {first:.1f} s"
            print(f"| {name} | {seed} | {best['model']} | {figures} | {spent} |", flush=True)


def run(place: Path, options: list[str]) -> tuple[dict[str, Any], float]:
    """(what the run ends with, seconds from its start until a trial had 95 % of its best validation)."""
    command = [sys.executable, "-m", "workbench", "run", "--task", "text-classification", "--json", *options]
    found: dict[str, Any] = json.loads(subprocess.run(command, cwd=place, check=True, capture_output=True).stdout)
    with sqlite3.connect(place / "workbench.db") as database:
        (ended,) = database.execute("SELECT finished_at FROM run").fetchone()
        trials = database.execute("SELECT finished_at, objective FROM trial WHERE objective IS NOT NULL").fetchall()
    enough = min(at for at, value in trials if value >= 0.95 * found["best"]["valid"][found["metric"]])
    before_end = datetime.fromisoformat(ended) - datetime.fromisoformat(enough)
    return found, found["seconds"] - before_end.total_seconds()


def write_trec6(source: Path, place: Path) -> None:
    """`train.csv` and `test.csv`: the coarse class, which stands before the colon, and the question."""
    for part in ("train", "test"):
        lines = (source / f"TREC.{part}").read_text(encoding="latin-1").splitlines()
        with (place / f"{part}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["label", "text"])
            writer.writerows((line.partition(":")[0], line.partition(" ")[2]) for line in lines if line.strip())


if __name__ == "__main__":
    main()
