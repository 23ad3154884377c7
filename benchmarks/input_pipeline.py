"""What the input of the image networks costs: batching, augmentation and normalisation against the network itself.

    WORKBENCH_DATA=FOLDER python benchmarks/input_pipeline.py [--repetitions 3]

One epoch of each network by its first settings, plain and with flips and colours too, on the train part of
`mnist-5k/mnist-5k.zip` and on 50,000 made-up images of 32 x 32 in colour; CPU seconds on one thread, the median.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from workbench import Context, Source
from workbench_image.neural import Convolutional, ImageNetwork, Residual
from workbench_image.task import ImageClassification, Images

NETWORKS: dict[str, type[ImageNetwork]] = {"cnn": Convolutional, "resnet": Residual}
SETTINGS: dict[str, dict[str, Any]] = {"defaults": {}, "flip and colour": {"flip": True, "colour": 0.2}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    repetitions = parser.parse_args().repetitions
    print("| images | network | settings | once | an epoch | of it input | share |")
    print("|---" * 7 + "|")
    for name, train in {"mnist-5k": mnist(), "50,000 of 32 x 32": made_up()}.items():
        for network, kind in NETWORKS.items():
            for settings, values in SETTINGS.items():
                taken = [epoch(kind.build(values), train) for _ in range(repetitions)]
                once, whole, given = (statistics.median(each) for each in zip(*taken, strict=True))
                seconds = f"{once:.1f} s | {whole:.1f} s | {given:.2f} s | {100 * given / whole:.1f} %"
                print(f"| {name} | {network} | {settings} | {seconds} |", flush=True)


def epoch(model: ImageNetwork, train: Images) -> tuple[float, float, float]:
    """(CPU seconds before the first batch, of one epoch, of it to make what the network is given)."""
    spent = 0.0
    started: list[float] = []
    tensors = model.tensors

    def timed(inputs: Any, rows: Any) -> Any:
        nonlocal spent
        begin = time.process_time()
        started.append(begin)
        found = tensors(inputs, rows)
        spent += time.process_time() - begin
        return found

    model.tensors = timed  # type: ignore[method-assign]
    begin = time.process_time()
    model.fit(train, Context(device_setting="cpu", model=model, fixed_epochs=1))
    return started[0] - begin, time.process_time() - started[0], spent


def mnist() -> Images:
    """Its train part."""
    source = Source(str(Path(os.environ["WORKBENCH_DATA"]) / "mnist-5k" / "mnist-5k.zip"))
    task = ImageClassification()
    return task.split(task.read(source, {}), None, 0).train


def made_up() -> Images:
    """Noise: what it shows is no matter."""
    rng = np.random.default_rng(0)
    n = 50_000
    pixels = rng.integers(0, 256, (n, 32, 32, 3), np.uint8)
    return Images(target=rng.integers(0, 10, n).astype(np.int32), n_classes=10, ids=np.arange(n), pixels=pixels)


if __name__ == "__main__":
    main()
