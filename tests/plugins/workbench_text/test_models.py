"""What the classical models learn."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import ComplementNB as Peer

from workbench.blocks.estimators import Majority
from workbench.contract.context import Context
from workbench.contract.task import Source
from workbench_text import linear, tfidf, trees
from workbench_text.grams import words_of
from workbench_text.task import TextClassification, made_up

TASK = TextClassification()
DATASET = TASK.read(TASK.sample(), {})
SPLIT = TASK.split(DATASET, None, 0)
MODELS = [linear.ComplementNB, linear.LinearSVM, linear.Logistic, linear.NBLogistic, trees.LightGBM]


def fitted(kind: type[Any], train: Any = SPLIT.train, **params: Any) -> Any:
    model = kind.build(params)
    model.fit(train, Context())
    return model


@pytest.mark.parametrize("grams", ["words", "characters", "both"])
@pytest.mark.parametrize("kind", MODELS)
def test_models_find_what_is_there(kind: type[Any], grams: str) -> None:
    found = TASK.evaluate(fitted(kind, grams=grams), SPLIT.valid, ["accuracy", "log-loss"]).metrics
    assert found["accuracy"] > 0.85  # one label in ten is wrong
    assert found["log-loss"] < 0.45


def three() -> Any:
    """Three classes, told by a word each."""
    data, other = made_up(1, 300), made_up(2, 100)
    data = pa.concat_tables([data, other.set_column(1, "label", pa.array(["noise"] * 100))])
    texts = [
        f"odd {text}" if label == "noise" else text for text, label in zip(*data.to_pydict().values(), strict=True)
    ]
    return TASK.read(Source(data.set_column(0, "text", pa.array(texts))), {}).data


@pytest.mark.parametrize("kind", MODELS)
def test_more_than_two_classes_and_one_that_is_not_met(kind: type[Any]) -> None:
    part = three()
    model = fitted(kind, part)
    probabilities = model.predict_proba(part)
    assert (probabilities.argmax(axis=1) == part.target)[part.target == 2].mean() > 0.9
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    partly = fitted(kind, part.take(part.target != 1)).predict_proba(part)
    assert partly.shape == (400, 3) and (partly[:, 1] == 0).all()


def test_naive_bayes_is_that_of_scikit_learn() -> None:
    texts, target = SPLIT.train.texts.to_pylist(), SPLIT.train.target
    vectors = TfidfVectorizer(analyzer=lambda text: pairs(words_of(text)), sublinear_tf=True)
    peer = Peer(alpha=0.5).fit(vectors.fit_transform(texts), target)
    asked = SPLIT.valid.texts.to_pylist()
    expected = peer.predict_joint_log_proba(vectors.transform(asked))
    model = fitted(linear.ComplementNB)
    scores = model.weigh(SPLIT.valid) @ model.weights_
    scale = (scores[:, 1] - scores[:, 0]) / (expected[:, 1] - expected[:, 0])
    assert np.allclose(scale, scale[0], rtol=1e-3)


def pairs(words: list[str]) -> list[str]:
    return [*words, *map(" ".join, pairwise(words))]


def test_scores_are_scaled_so_that_held_out_classes_are_likely() -> None:
    sure = fitted(linear.LinearSVM, c=100.0)
    given = sure.predict_proba(SPLIT.valid)
    sure.weights_, sure.offsets_ = 30 * sure.weights_, 30 * sure.offsets_
    assert (given.argmax(axis=1) == sure.predict_proba(SPLIT.valid).argmax(axis=1)).all()
    loss = [
        TASK.evaluate(model, SPLIT.valid, ["log-loss"]).metrics["log-loss"]
        for model in (fitted(linear.LinearSVM, c=100.0), sure)
    ]
    assert loss[0] < np.log(2) < loss[1]


def test_balanced_classes_count_alike() -> None:
    part = three()
    rows = np.flatnonzero((part.target != 0) | (np.arange(len(part)) % 10 == 0))
    few = part.take(rows)
    found = [
        (fitted(linear.Logistic, few, c=0.1, balanced=balanced).predict_proba(few).argmax(axis=1) == 0).sum()
        for balanced in (False, True)
    ]
    assert found[0] < found[1]


def test_n_grams_are_counted_once_for_a_part() -> None:
    kept: dict[str, Any] = {}
    asked: list[str] = []

    def shared(key: str, compute: Any) -> Any:
        asked.append(key)
        return kept[key] if key in kept else kept.setdefault(key, compute())

    context = Context(on_shared=shared)
    for longest in (1, 3):
        model = linear.ComplementNB(grams="both", words=longest)
        model.fit(SPLIT.train, context)
        alone = fitted(linear.ComplementNB, grams="both", words=longest)
        assert np.array_equal(model.predict_proba(SPLIT.valid), alone.predict_proba(SPLIT.valid))
    assert len(asked) == 4 and len(kept) == 2


def test_of_very_much_text_words_alone_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf, "MOST_CHARACTERS", 1000)
    assert fitted(linear.Logistic, grams="characters").kinds_ == ["words"]


def test_empty_and_unknown_texts_are_answered(tmp_path: Path) -> None:
    asked = TASK.read(Source(pa.table({"text": ["", "zzz qqq"] * 2, "label": ["good", "bad"] * 2})), {}).data
    for kind in MODELS:
        model = fitted(kind, SPLIT.valid)
        folder = tmp_path / kind.__name__
        folder.mkdir()
        model.save(folder)
        again = kind()
        again.restore(folder)
        assert np.isfinite(model.predict_proba(asked)).all()
        assert np.array_equal(model.predict_proba(SPLIT.test), again.predict_proba(SPLIT.test))


def test_the_baseline_gives_shares() -> None:
    model = fitted(Majority)
    shares = np.bincount(SPLIT.train.target) / len(SPLIT.train)
    assert np.allclose(model.predict_proba(SPLIT.valid), shares)
