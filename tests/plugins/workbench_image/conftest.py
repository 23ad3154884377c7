"""Images that the tests of this plugin share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench import Split
from workbench_image.task import ImageClassification, Images


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which decoded images are kept for the length of a test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "automl-workbench" / "images"


@pytest.fixture
def shapes() -> Split[Images]:
    """Discs, frames and crosses of 16 x 16 pixels in colour."""
    task = ImageClassification()
    return task.split(task.read(task.example(0), {}), None, 0)


def write(path: Path, shade: Any, size: tuple[int, int] = (8, 8)) -> Path:
    """An image of one colour, (width, height) large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "L" if isinstance(shade, int) else "RGB"
    Image.new(mode, size, shade).save(path)
    return path


def two_classes(root: Path, n: int = 6) -> Path:
    """Folders `dark` and `light` of `n` grey images each, of a little noise."""
    rng = np.random.default_rng(0)
    for name, shade in (("dark", 40), ("light", 200)):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(n):
            pixels = (shade + rng.integers(-20, 20, (8, 8))).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def random_weights(path: Path) -> Path:
    """Random numbers under the names of those that are published; without torch the test is skipped."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from workbench_image.efficientnet import Lite

    torch.manual_seed(0)
    published = {f"_{name}": value.contiguous() for name, value in Lite().state_dict().items()}
    published |= {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    save_file(published, path)
    return path
