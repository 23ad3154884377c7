"""MovieLens 100K and the split of protocol A, for the benchmarks beside this file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLIT_DIGEST = "c9a287c4419ed11f87c64cec9824c864a04e59b3"


def ratings_file() -> Path:
    """`ml-100k/u.data` in the folder that `WORKBENCH_DATA` names."""
    path = Path(os.environ.get("WORKBENCH_DATA", "")) / "ml-100k" / "u.data"
    if not path.exists():
        raise SystemExit(f"{path} is not there; set WORKBENCH_DATA to a folder that holds ml-100k/u.data")
    return path


def protocol_a_rows(path: Path) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(int64[100000, 4]: user, item, rating, time, sorted; bool[100000]: which rows are test).

    A fifth of each user's rows, users in order of their numbers, drawn from one stream.
    """
    rows = np.loadtxt(path, dtype=np.int64, delimiter="\t")
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    rng = np.random.default_rng(0)
    _, users, counts = np.unique(rows[:, 0], return_inverse=True, return_counts=True)
    _, items = np.unique(rows[:, 1], return_inverse=True)
    ends = np.cumsum(counts)
    held = np.zeros(len(rows), dtype=bool)
    for start, end in zip(ends - counts, ends, strict=True):
        held[start + rng.permutation(end - start)[: max(1, int(0.2 * (end - start)))]] = True
    digest = hashlib.sha1(items[held].astype("<i4").tobytes() + users[held].astype("<i4").tobytes()).hexdigest()
    if digest != SPLIT_DIGEST:
        raise SystemExit(f"{path}: not the MovieLens 100K that protocol A is defined on")
    return rows, held


def write_protocol_a(folder: Path) -> None:
    """Write `train.csv` and `test.csv`."""
    rows, held = protocol_a_rows(ratings_file())
    for file, mask in (("train.csv", ~held), ("test.csv", held)):
        lines = "".join(f"{user},{item},{rating}\n" for user, item, rating, _ in rows[mask])
        (folder / file).write_text("user,item,rating\n" + lines)


def run_protocol_a(folder: Path, *options: str) -> dict[str, Any]:
    """What `workbench run --json` ends with, on the files that `write_protocol_a` put into `folder`."""
    given = ("--task", "recommend", "--data", "train.csv", "--test-data", "test.csv", "--json")
    command = [sys.executable, "-m", "workbench", "run", *given, *options]
    found: dict[str, Any] = json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout)
    return found
