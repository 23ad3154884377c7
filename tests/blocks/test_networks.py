"""Models that are torch networks: fitted, stored without pickle, restored strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.blocks.test_supervised import CLASSES, TASK, split_of
from workbench.blocks.networks import Network, NetworkClassifier
from workbench.contract.context import Context
from workbench.errors import ModelError

torch = pytest.importorskip("torch")


class Layers(NetworkClassifier):
    """One hidden layer."""

    width: int = 8
    epochs: int = 30
    learning_rate: float = 0.03
    batch_size: int = 16
    patience = 30

    def prepare(self, train: Any, context: Context) -> dict[str, Any]:
        self.mean_ = train.xs.mean(axis=0)
        return {"columns": train.xs.shape[1]}

    def module(self, shape: Any) -> Any:
        return torch.nn.Sequential(
            torch.nn.Linear(shape["columns"], self.width),
            torch.nn.BatchNorm1d(self.width),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.1),
            torch.nn.Linear(self.width, shape["classes"]),
        )

    def inputs(self, examples: Any) -> Any:
        return (examples.xs - self.mean_).astype(np.float32)

    def tensors(self, inputs: Any, rows: Any) -> Any:
        return (torch.as_tensor(inputs[rows], device=self.device),)


class Tied(Network):
    """Two layers with one weight."""

    width: int = 3

    def module(self, shape: Any) -> Any:
        first, last = torch.nn.Linear(shape["n"], shape["n"]), torch.nn.Linear(shape["n"], shape["n"])
        last.weight = first.weight
        return torch.nn.Sequential(first, last)


def context(model: Any, part: Any = None) -> Context:
    given = Context(device_setting="cpu", valid=part, model=model)
    given.on_report = lambda step, value: TASK.evaluate(model, part, ["accuracy"]).metrics["accuracy"]
    return given


@pytest.fixture(scope="module")
def fitted() -> tuple[Any, Any]:
    _, split = split_of(CLASSES)
    model = Layers()
    model.fit(split.train, context(model, split.valid))
    return model, split


def test_a_classifier_learns_and_one_seed_gives_one_result(fitted: tuple[Any, Any]) -> None:
    model, split = fitted
    found = TASK.evaluate(model, split.test, ["accuracy", "log-loss"])
    assert found.metrics["accuracy"] > 0.8
    probabilities = model.predict_proba(split.test)
    again = Layers()
    for _ in range(2):
        again.fit(split.train, context(again, split.valid))
        assert np.array_equal(again.predict_proba(split.test), probabilities)


def test_classes_may_count_alike() -> None:
    target = np.array([0, 0, 0, 1])
    assert Layers()._weights(target, 3).tolist() == [1, 1, 1]
    balanced = Layers(class_balance=1.0)._weights(target, 3)
    assert balanced[:2].tolist() == pytest.approx([2 / 3, 2])
    assert np.isfinite(balanced).all()


def test_it_is_restored_from_numbers_alone(fitted: tuple[Any, Any], tmp_path: Path) -> None:
    model, split = fitted
    model.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "arrays.safetensors",
        "attributes.json",
        "module.safetensors",
        "plain.json",
    ]
    again = Layers()
    again.restore(tmp_path)
    assert np.array_equal(again.predict_proba(split.test), model.predict_proba(split.test))


def tied(folder: Path) -> Tied:
    model = Tied()
    model.start({"n": 3}, Context(device_setting="cpu"))
    model.save(folder)
    return model


def test_tied_weights_are_stored_once_and_stay_tied(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    model, again = tied(tmp_path), Tied()
    assert sorted(load_file(tmp_path / "module.safetensors")) == ["0.bias", "0.weight", "1.bias"]
    again.restore(tmp_path)
    assert again.module_[0].weight is again.module_[1].weight
    for name, value in model.module_.state_dict().items():
        assert torch.equal(again.module_.state_dict()[name], value)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"0.weight": (3, 3), "0.bias": (3,)}, r"1.bias is not stored, and this Tied needs \(3,\)"),
        ({"0.weight": (3, 4), "0.bias": (3,), "1.bias": (3,)}, r"0.weight is stored with the shape \(3, 4\)"),
        (
            {"0.weight": (3, 3), "0.bias": (3,), "1.bias": (3,), "2.bias": (1,)},
            r"2.bias is stored with the shape \(1,\), and this Tied has none: it is of another version",
        ),
    ],
)
def test_a_state_of_another_network_is_refused(tmp_path: Path, state: dict[str, Any], message: str) -> None:
    from safetensors.numpy import save_file

    tied(tmp_path)
    save_file({name: np.zeros(shape, np.float32) for name, shape in state.items()}, tmp_path / "module.safetensors")
    with pytest.raises(ModelError, match=message):
        Tied().restore(tmp_path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"layers": 2}, "Tied has no network for what is stored: KeyError: 'n'"),
        ({"n": "three"}, "Tied has no network for what is stored: "),
        (None, "no shape is stored"),
        ({"n": 10**7}, r"is stored with the shape \(3,\), and this Tied needs \(10000000,\)"),
    ],
)
def test_an_unknown_architecture_is_refused(tmp_path: Path, shape: Any, message: str) -> None:
    tied(tmp_path)
    (tmp_path / "plain.json").write_text(json.dumps({"shape_": shape}))
    with pytest.raises(ModelError, match=message):
        Tied().restore(tmp_path)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    tied(tmp_path)
    (tmp_path / "module.safetensors").unlink()
    with pytest.raises(ModelError, match=r"module.safetensors is not there, so this is no Tied"):
        Tied().restore(tmp_path)
