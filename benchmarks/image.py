"""The task `image-classification`: one run on each of three sets of images, and when its first useful model was there.

    WORKBENCH_DATA=FOLDER python benchmarks/image.py [--only digits] [--seed 0] [-- options of `workbench run`]

Digits are scikit-learn's own, written as PNG files. The others are read where `WORKBENCH_DATA` has them:
`mnist-5k/mnist-5k.zip` (400 train and 100 test images of each class out of MNIST) and
`hymenoptera-160px/hymenoptera-160px.zip` (ants and bees). A model is useful when it scores 95 % of what the best
has in the end, on valid; its seconds count from the start of the process to the end of its trial.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

SETS = {
    "digits": (None, "60s"),
    "mnist-5k": ("mnist-5k/mnist-5k.zip", "180s"),
    "hymenoptera": ("hymenoptera-160px/hymenoptera-160px.zip", "120s"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SETS)
    parser.add_argument("--seed", default="0")
    parser.add_argument("options", nargs="*")
    arguments = parser.parse_args()
    print("| data | time | winner | accuracy on test | on valid | trials | seconds | first useful model | at |")
    print("|---" * 9 + "|")
    for name in [arguments.only] if arguments.only else SETS:
        relative, limit = SETS[name]
        with tempfile.TemporaryDirectory() as folder:
            data = Path(os.environ["WORKBENCH_DATA"]) / relative if relative else digits(Path(folder) / "digits")
            command = [sys.executable, "-m", "workbench", "run", "--task", "image-classification", "--data", str(data)]
            command += ["--time", limit, "--seed", arguments.seed, "--json", *arguments.options]
            kept = {**os.environ, "XDG_CACHE_HOME": str(Path(folder) / "cache")}  # nothing decoded beforehand
            began, clock = time.time(), time.monotonic()
            done = subprocess.run(command, cwd=folder, env=kept, stdout=subprocess.PIPE, check=True)
            seconds = time.monotonic() - clock
            result = json.loads(done.stdout)
            best = result["best"]
            valid, test = (best[part]["accuracy"] for part in ("valid", "test"))
            model, at = first_useful(Path(folder) / "workbench.db", 0.95 * valid, began)
            count = sum(result["trials"].values())
        print(
            f"| {name} | {limit} | {best['model']} | {test:.4f} | {valid:.4f} | {count} | {seconds:.0f} "
            f"| {model} | {at:.1f} s |",
            flush=True,
        )


def digits(root: Path) -> Path:
    """A folder for each class, of PNG files of 8 x 8 pixels."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    data = load_digits()
    for number, (image, label) in enumerate(zip(data.images, data.target, strict=True)):
        folder = root / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 255 / 16).round().astype(np.uint8)).save(folder / f"{number}.png")
    return root


def first_useful(database: Path, least: float, began: float) -> tuple[str, float]:
    """(the model, seconds after `began`) of the first trial that scored as much on valid."""
    with sqlite3.connect(database) as connection:
        query = "SELECT model, finished_at FROM trial WHERE state = 'complete' AND objective >= ? ORDER BY finished_at"
        model, finished = connection.execute(query, (least,)).fetchone()
    return model, datetime.fromisoformat(finished).replace(tzinfo=UTC).timestamp() - began


if __name__ == "__main__":
    main()
