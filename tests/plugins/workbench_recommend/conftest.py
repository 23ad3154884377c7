"""The data that the tests of the recommenders share, read and split once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow.csv as pc
import pytest

from tests.conftest import SAMPLE
from workbench.contract.context import Context
from workbench.contract.model import Model
from workbench.contract.split import Split
from workbench.contract.task import Source
from workbench.data.interactions import Interactions
from workbench_recommend import workbench_models
from workbench_recommend.task import Recommend

MODELS = {spec.name: spec.load for spec in workbench_models()}


@pytest.fixture(scope="session")
def build() -> Callable[..., Any]:
    """Builds an unfitted model of this plugin by its name."""

    def build_model(name: str, params: Mapping[str, Any] | None = None) -> Model:
        module, _, kind = MODELS[name].partition(":")
        model: type[Model] = getattr(import_module(module), kind)
        return model.build(params or {})

    return build_model


@pytest.fixture(scope="session")
def fitted(build: Callable[..., Any]) -> Callable[..., Any]:
    """Fits a model of this plugin by its name."""

    def fit(name: str, train: Interactions, seed: int = 0, params: Mapping[str, Any] | None = None) -> Any:
        model = build(name, params)
        model.fit(train, Context(seed=seed))
        return model

    return fit


@pytest.fixture(scope="session")
def made() -> Split[Interactions]:
    """Made-up ratings of forty users and thirty items, split by time."""
    task = Recommend()
    return task.split(task.read(task.example(3), {}), None, 0)


@pytest.fixture(scope="session")
def protocol_a() -> Split[Interactions]:
    """MovieLens latest-small with the test part of protocol A: a fifth of each user's rows, drawn from one stream."""
    table = pc.read_csv(SAMPLE)
    users, items = (table.column(name).to_numpy() for name in ("userId", "movieId"))
    order = np.lexsort((items, users))
    _, counts = np.unique(users, return_counts=True)
    rng = np.random.default_rng(0)
    held = np.zeros(len(order), dtype=bool)
    start = 0
    for count in counts:
        held[start + rng.permutation(count)[: max(1, int(0.2 * count))]] = True
        start += count
    task = Recommend()
    dataset = task.read(Source(table.take(order[~held]), table.take(order[held])), {})
    return task.split(dataset, None, 0)
