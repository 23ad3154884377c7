"""TextCNN alone, from scratch, on rt-polarity in ten folds, as Kim 2014 reports CNN-rand: 76.1.

    pip install '.[torch]'
    WORKBENCH_DATA=... python benchmarks/textcnn.py [--folds 10] [--model textcnn]

`WORKBENCH_DATA` has `text/rt-polarity/rt-polarity.{neg,pos}`, a sentence a line. The defaults are fitted, no search. Of
each fold's nine parts a tenth says when to stop.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa

from workbench import Context
from workbench.data.examples import Examples
from workbench_text.neural import MODELS


@dataclass(frozen=True, kw_only=True)
class Texts(Examples):
    """Examples with texts."""

    texts: pa.Array


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--model", choices=MODELS, default="textcnn")
    arguments = parser.parse_args()
    module, _, kind = MODELS[arguments.model][0].partition(":")
    data = read(Path(os.environ["WORKBENCH_DATA"]) / "text/rt-polarity")
    rng = np.random.default_rng(0)
    fold = rng.permutation(len(data)) % 10
    found = []
    for number in range(arguments.folds):
        test, rest = data.take(fold == number), np.flatnonzero(fold != number)
        held = rng.random(len(rest)) < 0.1
        train, valid = data.take(rest[~held]), data.take(rest[held])
        model = getattr(import_module(module), kind)()
        context = Context(seed=number, device_setting="cpu", threads=os.cpu_count() or 1, valid=valid, model=model)
        context.on_report = lambda step, value, model=model, valid=valid: accuracy(model, valid)
        began = time.process_time()
        model.fit(train, context)
        found.append(accuracy(model, test))
        print(f"fold {number}: {found[-1]:.4f}, {time.process_time() - began:.0f} CPU s, epoch {context.best_epochs}")
    print(f"mean of {len(found)}: {statistics.mean(found):.4f}")


def read(folder: Path) -> Texts:
    """The sentences, and whether they praise."""
    texts, target = [], []
    for label, name in enumerate(("neg", "pos")):
        lines = (folder / f"rt-polarity.{name}").read_text(encoding="utf-8", errors="replace").splitlines()
        texts += [line.strip() for line in lines]
        target += [label] * len(lines)
    return Texts(target=np.array(target, np.int32), n_classes=2, ids=np.arange(len(texts)), texts=pa.array(texts))


def accuracy(model: object, part: Texts) -> float:
    return float((model.predict_proba(part).argmax(axis=1) == part.target).mean())  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
