"""Much data: whether a run keeps its budget, and what memory its processes take.

    python benchmarks/memory.py [--task recommend] [--rows 10000000] [--time 300]
    python benchmarks/memory.py --task text-classification --rows 1000000 --time 180

Generated interactions of a fiftieth as many users with items of a long tail, as a CSV file. The owner's memory is its
private memory (USS), sampled four times a second; at its start it is what the same command takes for a small file. The
arrays are what the data is held in, 20 bytes for each interaction: user, item and value of four, a time of eight.

A text is five to fifteen words of a hundred thousand, frequent and rare ones, in four classes; about 80 bytes each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as pc

ITEMS, WORDS, CLASSES = 20_000, 100_000, 4
BYTES_PER_ROW = {"recommend": 20, "text-classification": 80}


def write(task: str, path: Path, rows: int) -> None:
    """A CSV file of so many rows."""
    (write_interactions if task == "recommend" else write_texts)(path, rows)


def write_texts(path: Path, rows: int) -> None:
    """A CSV file of so many texts, whose words tell their classes a little."""
    rng = np.random.default_rng(0)
    syllables = np.array(["ka", "to", "mi", "re", "su", "lan", "der", "pol", "ing", "est"])
    names = pa.array(["".join(syllables[[int(digit) for digit in f"{number:05}"]]) for number in range(WORDS)])
    labels, lengths = rng.integers(CLASSES, size=rows), rng.integers(5, 16, rows)
    words = (WORDS * rng.random(lengths.sum()) ** 6).astype(np.int64)
    telling = rng.random(len(words)) < 0.15
    words[telling] = (7 * words[telling] + 1013 * np.repeat(labels, lengths)[telling]) % WORDS
    lists = pa.ListArray.from_arrays(np.r_[0, np.cumsum(lengths)].astype(np.int32), names.take(pa.array(words)))
    texts = compute.binary_join(lists, " ")
    pc.write_csv(pa.table({"text": texts, "label": compute.cast(pa.array(labels), pa.string())}), path)


def write_interactions(path: Path, rows: int) -> None:
    """A CSV file of so many distinct pairs, shuffled."""
    rng, pairs = np.random.default_rng(0), np.zeros(0, dtype=np.int64)
    while len(pairs) < rows:
        users = rng.integers(0, max(50, rows // 50), rows)
        pairs = np.unique(np.concatenate([pairs, users * ITEMS + (ITEMS * rng.random(rows) ** 3).astype(np.int64)]))
    pairs = rng.permutation(pairs)[:rows]
    columns = {
        "user": pairs // ITEMS,
        "item": pairs % ITEMS,
        "rating": rng.integers(1, 6, rows),
        "timestamp": rng.integers(1_400_000_000, 1_600_000_000, rows),
    }
    pc.write_csv(pa.table(columns), path)


def run(task: str, path: Path, seconds: float) -> tuple[float, list[float], float, int]:
    """(wall seconds, MiB of the owner at each sample, peak of all processes together, exit code)."""
    command = [sys.executable, "-m", "workbench", "run", "--task", task, "--data", path.name]
    options = ["--time", f"{seconds}s", "--db", f"sqlite:///{path.stem}.db"]
    began = time.monotonic()
    with (path.parent / "out.txt").open("w") as out:
        process = subprocess.Popen([*command, *options], cwd=path.parent, stdout=out, stderr=out)
        owner, own, together = psutil.Process(process.pid), [0.0], 0
        while process.poll() is None:
            private = [_private(each) for each in (owner, *owner.children(recursive=True))]
            own.append(private[0] / 2**20)
            together = max(together, sum(private))
            time.sleep(0.25)
    return time.monotonic() - began, own, together / 2**20, process.returncode


def _private(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=list(BYTES_PER_ROW), default="recommend")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--time", type=float, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name) / "small.csv", Path(name) / "large.csv"
        write(given.task, small, 1_000)
        write(given.task, large, given.rows)
        _, start, _, _ = run(given.task, small, 10)
        wall, own, together, code = run(given.task, large, given.time)
        print((Path(name) / "out.txt").read_text())
    arrays = given.rows * BYTES_PER_ROW[given.task] / 2**20
    print(f"exit code {code} after {wall:.1f} s of {given.time:.0f} s; all processes together {together:.0f} MiB")
    for name, most in (("at its peak, while it reads", max(own)), ("for most of the run", sorted(own)[len(own) // 2])):
        ratio = (most - max(start)) / arrays
        print(f"owner {name}: {most:.0f} MiB, {max(start):.0f} at its start and {ratio:.2f} x {arrays:.0f} of arrays")


if __name__ == "__main__":
    main()
