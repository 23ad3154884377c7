"""The models learn what they should, and are stored as they were."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import Context, Split
from workbench_image import workbench_models
from workbench_image.task import ImageClassification, Images

LOADS = {spec.name: spec.load for spec in workbench_models() if spec.name != "majority"}
QUICK = {"cnn": {"epochs": 14, "width": 8}, "resnet": {"epochs": 14, "width": 8}, "vit": {"epochs": 20, "width": 32}}


def build(name: str) -> Any:
    if name in QUICK:
        pytest.importorskip("torch")
    module, _, kind = LOADS[name].partition(":")
    return getattr(import_module(module), kind).build({**QUICK.get(name, {}), **_batch(name)})


def _batch(name: str) -> dict[str, int]:
    return {"batch_size": 16} if name in QUICK else {}


@pytest.mark.parametrize("name", LOADS)
def test_a_model_learns_shapes_and_comes_back(name: str, shapes: Split[Images], tmp_path: Path) -> None:
    model, again = build(name), build(name)
    model.fit(shapes.train_valid, Context(seed=1, fixed_epochs=model.epochs if name in QUICK else None))
    found = ImageClassification().evaluate(model, shapes.test, ["accuracy"]).metrics["accuracy"]
    assert found >= 0.6  # a third by chance
    model.save(tmp_path)
    again.restore(tmp_path)
    assert np.allclose(again.predict_proba(shapes.test), model.predict_proba(shapes.test), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in LOADS if name not in QUICK])
def test_classes_of_two_images_and_of_none_are_no_obstacle(name: str, shapes: Split[Images]) -> None:
    part = shapes.train_valid
    rows = np.concatenate([np.flatnonzero(part.target == number)[:most] for number, most in ((0, 9), (1, 2))])
    few = replace(part.take(rows), n_classes=4)
    model = build(name)
    model.fit(few, Context())
    given = model.predict_proba(shapes.test)
    assert given.shape == (len(shapes.test), 4) and (given[:, 2:] == 0).all()
    assert np.allclose(given.sum(axis=1), 1)
