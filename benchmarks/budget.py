"""Whether the budget holds with a plugin that sometimes hangs, deaf to being asked to end.

    python benchmarks/budget.py [--runs 20] [--time 20]

Runs on the sample, with a model of which about every third trial sleeps for ever. Counted: the longest run from the
start of its process, the runs without a winner, and processes that are left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

PLUGINS = Path(__file__).parent / "plugins"


def left_behind(mark: str) -> int:
    """Processes that carry the mark of a run in their environment."""
    found = 0
    for process in psutil.process_iter():
        try:
            found += process.environ().get("BUDGET_MARK") == mark
        except psutil.Error:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--time", type=float, default=20.0)
    asked = parser.parse_args()
    path = os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH")]))
    took, hung, without, orphans = [], 0, 0, 0
    for seed in range(asked.runs):
        with tempfile.TemporaryDirectory() as folder:
            mark = f"{os.getpid()}-{seed}"
            command = [sys.executable, "-m", "workbench", "run", "--task", "recommend", "--time", str(asked.time)]
            command += ["--seed", str(seed), "--json", "--without", "twin-a,twin-b,same-a,same-b,worse,steady"]
            environment = {**os.environ, "PYTHONPATH": path, "BUDGET_MARK": mark}
            began = time.monotonic()
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
            took.append(time.monotonic() - began)
            found = json.loads(done.stdout) if done.returncode == 0 else {}
            hung += found.get("trials", {}).get("timeout", 0)
            without += not found.get("best")
            orphans += left_behind(mark)
        print(f"run {seed}: {took[-1]:.2f} s, {found.get('trials')}, best {(found.get('best') or {}).get('model')}")
    print(
        f"{asked.runs} runs of {asked.time:g} s: longest {max(took):.2f} s, mean {sum(took) / len(took):.2f} s, "
        f"{hung} trials stopped at a deadline, {without} without a winner, {orphans} processes left behind"
    )


if __name__ == "__main__":
    main()
