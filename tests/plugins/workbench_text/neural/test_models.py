"""Every network learns from little, and answers for a text whatever else is asked with it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.workbench_text.neural.conftest import Texts, texts_of
from workbench.contract.context import Context
from workbench_text.neural import MODELS

pytest.importorskip("torch")

SMALL: dict[str, dict[str, Any]] = {
    "bag-of-embeddings": {"dimensions": 16, "learning_rate": 0.05},
    "textcnn": {"dimensions": 16, "filters": 8},
    "bilstm": {"dimensions": 16, "units": 8},
    "transformer": {"dimensions": 17, "heads": 2, "layers": 1},
}


def built(name: str, **params: Any) -> Any:
    module, _, kind = MODELS[name][0].partition(":")
    return getattr(import_module(module), kind).build(params)


@pytest.mark.parametrize("name", SMALL)
def test_what_is_searched_is_all_that_can_be_set(name: str) -> None:
    kind = type(built(name))
    assert set(kind.space) == set(kind.hyperparameters())


@pytest.fixture(scope="module", params=SMALL)
def fitted(request: pytest.FixtureRequest, texts: Texts) -> Any:
    settings = {"epochs": 12, "batch_size": 16, "learning_rate": 0.02, "dropout": 0.1, **SMALL[request.param]}
    model = built(request.param, **settings)
    model.fit(texts, Context(device_setting="cpu"))
    return request.param, settings, model


def test_it_learns(fitted: Any, texts: Texts) -> None:
    _, _, model = fitted
    assert (model.predict_proba(texts).argmax(axis=1) == texts.target).mean() > 0.9


def test_it_is_restored_and_its_answer_does_not_depend_on_the_batch(fitted: Any, texts: Texts, tmp_path: Path) -> None:
    name, settings, model = fitted
    odd = texts_of([("lovely", 1), ("", 0), ("unheard of", 0), ("臭" * 1000, 0), ("the soup " * 9, 1), ("\u2400 ", 0)])
    found = model.predict_proba(odd)
    model.save(tmp_path)
    again = built(name, **settings)
    again.restore(tmp_path)
    np.testing.assert_allclose(again.predict_proba(odd), found, atol=1e-6)
    for row in range(len(odd)):
        alone = again.predict_proba(odd.take(np.array([row])))
        np.testing.assert_allclose(alone[0], found[row], atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_texts_without_a_word_are_no_reason_to_fail(name: str) -> None:
    nothing = texts_of([("", 0), (" ", 1), ("", 1), ("", 0)])
    model = built(name, epochs=1, **SMALL[name])
    model.fit(nothing, Context(device_setting="cpu"))
    assert np.isfinite(model.predict_proba(nothing)).all()
