"""What a frozen network finds is found once in a run, and a classifier learns from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.blocks.frozen import Frozen
from workbench.contract.context import Context
from workbench.data.examples import Examples

torch = pytest.importorskip("torch")


@dataclass(frozen=True, kw_only=True)
class Points(Examples):
    """Points of the plane."""

    places: Any


class Sees(Frozen):
    """Sees a point as it is, and counts how often it looks."""

    def module(self, shape: Any) -> Any:
        return torch.nn.Linear(2, 2)

    def fit(self, train: Any, context: Context) -> None:
        self.looked = 0
        self.start({}, context)
        self.learn(train, context, "places")

    def contents(self, examples: Any) -> Iterator[bytes]:
        return (place.tobytes() for place in examples.places)

    def features(self, examples: Any, rows: Sequence[int]) -> Any:
        self.looked += len(rows)
        with torch.inference_mode():
            return self.module_(torch.as_tensor(examples.places[np.array(rows, np.int64)])).numpy()


@pytest.fixture
def points() -> Points:
    """Two clouds, the classes 0 and 2 of three."""
    rng = np.random.default_rng(0)
    places = rng.normal(size=(60, 2)).astype(np.float32) + 4 * (np.arange(60) % 2)[:, None].astype(np.float32)
    return Points(target=(np.arange(60) % 2 * 2).astype(np.int32), n_classes=3, ids=np.arange(60), places=places)


def test_it_tells_classes_apart_and_gives_none_to_one_that_it_has_not_met(points: Points, tmp_path: Path) -> None:
    model, again = Sees(), Sees()
    model.fit(points, Context(device_setting="cpu"))
    found = model.predict_proba(points)
    assert (found.argmax(axis=1) == points.target).mean() > 0.95
    assert (found[:, 1] == 0).all()
    model.save(tmp_path)
    again.looked = 0
    again.restore(tmp_path)
    np.testing.assert_allclose(again.predict_proba(points), found, atol=1e-6)


def test_what_it_has_seen_in_the_fit_it_does_not_look_at_again(points: Points) -> None:
    train, valid = points.take(np.arange(40)), points.take(np.arange(40, 60))
    model = Sees()
    model.fit(train, Context(device_setting="cpu", valid=valid))
    assert model.looked == 60
    for part in (train, valid):
        model.predict_proba(part)
    assert model.looked == 60
    model.predict_proba(points)
    assert model.looked == 120


def test_a_subclass_says_what_it_sees() -> None:
    with pytest.raises(NotImplementedError, match="Frozen does not say what its features are"):
        Frozen().features(None, [0])
    with pytest.raises(NotImplementedError, match="Frozen does not say what its features depend on"):
        Frozen().contents(None)
