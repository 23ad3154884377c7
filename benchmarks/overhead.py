"""What the search costs beside its fits, what a second worker brings, and how the owner's memory grows.

    WORKBENCH_DATA=FOLDER python benchmarks/overhead.py [--trials 400]

FOLDER holds `ml-100k/u.data` (GroupLens' MovieLens 100K, which may not be given on with this repository). Trials of ALS
on protocol A's training data, one thread each, by one worker and by two. What is drawn changes nothing of the model, so
that every trial is the same work however the search goes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

PLUGINS = Path(__file__).parent / "plugins"
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH")]))

import psutil  # noqa: E402
from movielens import write_protocol_a  # noqa: E402


def run(folder: Path, trials: int, workers: int) -> tuple[dict[str, Any], list[int]]:
    """(what `show --json` says of the run, the owner's private memory every second, bytes)."""
    database = f"sqlite:///{workers}.db"
    given = ("--task", "recommend", "--data", "train.csv", "--test-data", "test.csv", "--models", "steady")
    more = ("--trials", str(trials), "--workers", str(workers), "--threads", "1", "--db", database, "--json")
    command = [sys.executable, "-m", "workbench"]
    process = subprocess.Popen([*command, "run", *given, *more], cwd=folder, stdout=subprocess.DEVNULL)
    memory = []
    owner = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            memory.append(owner.memory_full_info().uss)
        except psutil.Error:
            break
        time.sleep(1)
    process.wait()
    shown = subprocess.run([*command, "show", "1", "--db", database, "--json"], cwd=folder, capture_output=True)
    return json.loads(shown.stdout), memory


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=400)
    trials = parser.parse_args().trials
    rates = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_protocol_a(folder)
        print("| workers | trials | fits and evaluations | search | overhead | trials a minute | owner MiB |")
        print("|---|---|---|---|---|---|---|")
        for workers in (1, 2):
            found, memory = run(folder, trials, workers)
            done = [trial for trial in found["all_trials"] if trial["model"] != "ensemble"]
            bare = sum((trial["fit_seconds"] or 0) + (trial["score_seconds"] or 0) for trial in done)
            took = found["spent"]["search"]
            rates.append(60 * len(done) / took)
            third = len(memory) // 3
            start, end = max(memory[:third], default=0) / 2**20, max(memory[-third:], default=0) / 2**20
            print(
                f"| {workers} | {len(done)} | {bare:.1f} s | {took:.1f} s | {workers * took / bare:.3f} | "
                f"{rates[-1]:.0f} | {start:.0f} in the first third, {end:.0f} in the last |",
                flush=True,
            )
    print(f"\nTwo workers do {rates[1] / rates[0]:.2f} x the trials a minute of one. ({datetime.now():%Y-%m-%d})")


if __name__ == "__main__":
    main()
