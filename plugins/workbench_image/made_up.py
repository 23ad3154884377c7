"""Images that are made up: for trying the task without data, and for tests."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa

SIDE = 16

ODD_ONES = 3
"""How many images `write_odd_ones` writes."""


def shapes(seed: int, n: int) -> pa.Table:
    """Columns `image`, PNG files of 16 x 16 pixels, and `label`: a bright disc, frame or cross on the dark."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    files, labels = [], []
    for number in range(n):
        down, right = np.abs(y - rng.integers(6, 10)), np.abs(x - rng.integers(6, 10))
        reach = rng.integers(3, 6)
        far, near = np.maximum(down, right), np.minimum(down, right)
        label = ("disc", "frame", "cross")[number % 3]
        drawn = {"disc": np.hypot(down, right) <= reach, "frame": far == reach, "cross": (near == 0) & (far <= reach)}
        pixels = rng.normal(40, 12, (SIDE, SIDE, 3))
        pixels[drawn[label]] += rng.uniform(110, 180, 3)
        file = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
        labels.append(label)
    return pa.table({"image": pa.array(files, pa.binary()), "label": labels})


def write_odd_ones(folder: Path) -> None:
    """A single point, a large grey image in a folder of its own, and a clear one of a palette."""
    from PIL import Image

    (folder / "deep").mkdir(parents=True)
    Image.new("RGB", (1, 1), "red").save(folder / "point.png")
    Image.new("L", (300, 200), 90).save(folder / "large.png")
    Image.new("RGBA", (5, 9), (0, 0, 0, 0)).quantize(4).save(folder / "deep" / "clear.gif")
