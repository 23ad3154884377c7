"""The example that wraps a library: listed without it, at work with it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from workbench import Context
from workbench.cli import cli
from workbench.registry import Registry, load_class
from workbench_recommend.task import Recommend


@pytest.mark.skipif(find_spec("cornac") is not None, reason="Cornac is installed")
def test_without_the_library_it_is_listed_with_what_to_install(example: Callable[..., Path]) -> None:
    example("workbench-cornac")
    offer = Registry.discovered().model("recommend", "cornac-bpr")
    assert offer.missing == ("cornac",)
    listed = CliRunner().invoke(cli, ["models", "--task", "recommend"], env={"COLUMNS": "200"})
    assert listed.exit_code == 0
    assert "needs cornac: pip install cornac" in listed.output and "ease" in listed.output


@pytest.mark.skipif(find_spec("cornac") is not None, reason="Cornac is installed")
def test_its_classes_can_be_described_without_the_library(example: Callable[..., Path]) -> None:
    example("workbench-cornac")
    model = load_class("workbench_cornac.bpr:CornacBPR")
    for name, value in model.hyperparameters().items():
        assert model.space[name].contains(value)
    seconds, size = model.estimate({"users": 943, "items": 1682, "interactions": 100_000})
    assert 0 < seconds < 60 and 0 < size < 2**30


def test_with_the_library_it_fits_and_comes_back(example: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("cornac")
    example("workbench-cornac")
    task = Recommend()
    dataset = task.read(task.example(0), {})
    split = task.split(dataset, None, 0)
    fitted = []
    for _ in range(2):
        model = load_class("workbench_cornac.bpr:CornacBPR")(factors=8, epochs=50)
        model.fit(split.train, Context(seed=3))
        fitted.append(model.score(np.arange(5)))
    assert np.array_equal(*fitted) and fitted[0].shape == (5, split.train.n_items)
    model.save(tmp_path)
    again = type(model)(factors=8, epochs=50)
    again.restore(tmp_path)
    assert np.array_equal(again.score(np.arange(5)), fitted[0])
