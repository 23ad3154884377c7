"""Metrics of classifiers are scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as theirs

from workbench.metrics.classification import (
    CLASSIFICATION,
    MOST_MISTAKES,
    by_class,
    evaluate_classes,
    macro_f1,
    roc_auc,
    surest_mistakes,
)

NAMES = [metric.name for metric in CLASSIFICATION]


@st.composite
def scored(draw):
    """(probabilities with ties, truth)."""
    n, k = draw(st.integers(1, 30)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    raw = rng.integers(1, 6, (n, k)).astype(np.float64)
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32), rng.integers(0, k, n).astype(np.int32)


@given(scored())
def test_they_are_those_of_scikit_learn(data) -> None:
    probabilities, truth = data
    found = evaluate_classes(probabilities, truth, NAMES).metrics
    answer = probabilities.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found["accuracy"] == pytest.approx(theirs.accuracy_score(truth, answer))
        assert found["balanced-accuracy"] == pytest.approx(theirs.balanced_accuracy_score(truth, answer), abs=1e-6)
        assert found["macro-f1"] == pytest.approx(theirs.f1_score(truth, answer, average="macro"))
        labels = list(range(probabilities.shape[1]))
        expected = theirs.log_loss(truth, probabilities.astype(np.float64), labels=labels)
    assert found["log-loss"] == pytest.approx(expected, rel=1e-4)


@given(scored())
def test_areas_are_those_of_scikit_learn(data) -> None:
    probabilities, truth = data
    k = probabilities.shape[1]
    areas = [
        theirs.roc_auc_score(truth == number, probabilities[:, number])
        for number in range(1 if k == 2 else 0, k)
        if 0 < (truth == number).sum() < len(truth)
    ]
    assert roc_auc(probabilities, truth) == pytest.approx(np.mean(areas) if areas else 0.5)


@given(scored())
def test_means_are_means_of_their_values(data) -> None:
    probabilities, truth = data
    found = evaluate_classes(probabilities, truth, NAMES, np.arange(len(truth)))
    assert set(found.per_example) == {"accuracy", "log-loss", "balanced-accuracy"}
    for name, values in found.per_example.items():
        assert values.shape == truth.shape
        assert float(values.mean(dtype=np.float64)) == pytest.approx(found.metrics[name], abs=1e-6)


def test_the_lower_class_answers_where_probabilities_are_equal() -> None:
    even = np.full((2, 2), 0.5, np.float32)
    assert evaluate_classes(even, np.array([0, 1], np.int32), ["accuracy"]).per_example["accuracy"].tolist() == [1, 0]


def test_a_wrong_certainty_is_no_infinite_loss() -> None:
    sure = np.array([[1.0, 0.0]], np.float32)
    assert evaluate_classes(sure, np.array([1], np.int32), ["log-loss"]).metrics["log-loss"] == pytest.approx(
        16.118, 1e-3
    )


def test_names_that_are_not_its_own_are_left_out() -> None:
    even = np.full((1, 2), 0.5, np.float32)
    assert evaluate_classes(even, np.array([0], np.int32), ["rmse", "accuracy"]).metrics == {"accuracy": 1.0}


def test_f1_of_one_class() -> None:
    given = np.eye(3, dtype=np.float32)[[0, 0, 1, 1]]
    truth = np.array([0, 1, 1, 0], np.int32)
    names = ["f1@a", "f1@b b", "f1@c", "f1@d"]
    found = evaluate_classes(given, truth, names, labels=["a", "b b", "c"])
    assert found.metrics == {"f1@a": 0.5, "f1@b b": 0.5, "f1@c": 0.0}
    assert found.per_example == {}


def test_what_is_found_of_each_class_and_what_it_is_taken_for() -> None:
    truth, answer = np.array([0, 0, 0, 0, 1, 1, 3]), np.array([0, 1, 1, 3, 1, 0, 3])
    found = [
        (group.by, group.name, group.value, group.count) for group in by_class(answer, truth, ["a", "b", "c", "d"])
    ]
    assert found == [
        ("right class", "a", 0.25, 4),
        ("right class", "b", 0.5, 2),
        ("right class", "d", 1.0, 1),
        ("mistake", "a taken for b", 0.5, 4),
        ("mistake", "a taken for d", 0.25, 4),
        ("mistake", "b taken for a", 0.5, 2),
    ]
    many = [group.name for group in by_class(np.zeros(30, int), np.arange(30), list(map(str, range(30))))]
    assert many[:20] == list(map(str, range(1, 21))) and len(many) == 30


def test_a_class_that_is_neither_there_nor_answered_does_not_count() -> None:
    assert macro_f1(np.array([0, 3]), np.array([0, 3])) == 1.0


@given(scored(), st.booleans())
def test_the_surest_mistakes_come_first_and_equal_examples_once(data, grouped: bool) -> None:
    probabilities, truth = data
    groups = np.arange(len(truth)) // 2 if grouped else None
    rows = surest_mistakes(probabilities, truth, groups).tolist()
    sure = probabilities.max(axis=1)
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != truth).tolist()
    assert set(rows) <= set(wrong)
    assert rows == sorted(rows, key=lambda row: (-sure[row], row))
    kinds = [row // 2 if grouped else row for row in rows]
    assert len(kinds) == len(set(kinds)) == min(MOST_MISTAKES, len({row // 2 if grouped else row for row in wrong}))
    for row in set(wrong) - set(rows):  # each that is left out gives way to one that is as sure or surer
        assert any(sure[other] >= sure[row] for other in rows)
