"""The models learn what they should, and are stored as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.workbench_image.conftest import random_weights
from workbench import Context, ModelError, Split
from workbench.execution import shared
from workbench_image import workbench_models
from workbench_image.pretrained import seen_side
from workbench_image.task import ImageClassification, Images

NEED_WEIGHTS = ("pretrained", "pretrained-tuned")
LOADS = {spec.name: spec.load for spec in workbench_models() if spec.name not in ("majority", *NEED_WEIGHTS)}
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


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return random_weights(tmp_path / "weights.safetensors")


def test_a_pretrained_network_is_read_by_its_published_names_and_comes_back(
    shapes: Split[Images], weights: Path, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import save_file

    from workbench_image.pretrained import Pretrained

    few = replace(shapes.train_valid.take(np.arange(12)), pretrained=str(weights))
    model, again = Pretrained(side=32), Pretrained(side=32)
    model.fit(few, Context())
    (tmp_path / "stored").mkdir()
    model.save(tmp_path / "stored")
    weights.unlink()
    again.restore(tmp_path / "stored")
    first, second = model.predict_proba(few), again.predict_proba(few)
    assert first.shape == (12, 3) and np.allclose(first, second, atol=1e-6)
    with pytest.raises(ModelError, match="cannot be read as safetensors"):
        model.fit(few, Context())
    save_file({"_conv_stem.weight": torch.zeros(1)}, weights)
    with pytest.raises(ModelError, match="holds no EfficientNet-Lite0"):
        model.fit(few, Context())


def test_a_pretrained_network_looks_at_each_image_once_in_a_run(
    shapes: Split[Images], weights: Path, tmp_path: Path
) -> None:
    from workbench_image.pretrained import Pretrained

    seen: list[int] = []

    def share(key: str, names: Any, compute: Any) -> Any:
        def counted(rows: Sequence[int]) -> Any:
            seen.append(len(rows))
            return compute(rows)

        return shared.rows(tmp_path, key, names, counted)

    part = replace(shapes.train_valid.take(np.arange(24)), pretrained=str(weights))
    first, rest = part.take(np.arange(16)), part.take(np.arange(16, 24))
    for train, valid in ((first, rest), (part, None), (rest, first)):
        model, alone = Pretrained(side=32), Pretrained(side=32)
        model.fit(train, Context(device_setting="cpu", valid=valid, on_shared_rows=share))
        alone.fit(train, Context(device_setting="cpu"))
        assert np.allclose(model.predict_proba(part), alone.predict_proba(part), atol=1e-2)  # in bfloat16, maybe
    assert sum(seen) == len({image.tobytes() for image in part.pixels})


@pytest.mark.parametrize(("height", "width", "side"), [(28, 28, 64), (60, 80, 160), (160, 120, 160)])
def test_small_images_are_shown_not_much_larger(height: int, width: int, side: int) -> None:
    assert seen_side(160, height, width) == side


def test_a_pretrained_network_is_trained_on_and_comes_back(
    shapes: Split[Images], weights: Path, tmp_path: Path
) -> None:
    import torch

    from workbench_image.efficientnet import Lite, load, published
    from workbench_image.tuned import Tuned

    before = Lite()
    load(before, published(weights)[0], "")
    few = replace(shapes.train_valid.take(np.arange(16)), pretrained=str(weights))
    model, again = (Tuned(side=32, epochs=1, batch_size=8, frozen=15) for _ in range(2))
    model.fit(few, Context(device_setting="cpu", model=model, fixed_epochs=1))
    after = model.module_.seen.state_dict()
    changed = {name for name, value in before.state_dict().items() if not torch.equal(value, after[name])}
    assert {name.split(".")[0] for name in changed} == {"blocks", "conv_head", "bn1"}
    assert {name.split(".")[1] for name in changed if name.startswith("blocks")} == {"15"}
    assert not any("running" in name for name in changed)
    (tmp_path / "stored").mkdir()
    model.save(tmp_path / "stored")
    weights.unlink()
    again.restore(tmp_path / "stored")
    assert np.allclose(model.predict_proba(few), again.predict_proba(few), atol=1e-6)
