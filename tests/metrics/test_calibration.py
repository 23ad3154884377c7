"""Temperatures make probabilities as sure as they are right, and change no answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from workbench.metrics.calibration import LARGEST, MOST_EXAMPLES, at_temperature, temperature
from workbench.metrics.classification import evaluate_classes


def drawn(n: int, k: int, sureness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(probabilities that are so many times too sure, classes drawn from what they should be)."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((n, k))
    right = softmax(logits, axis=1)
    truth = (right.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1).astype(np.int32)
    return softmax(sureness * logits, axis=1).astype(np.float32), truth


@pytest.mark.parametrize("sureness", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("k", [2, 5])
def test_the_temperature_undoes_how_much_too_sure_answers_are(sureness: float, k: int) -> None:
    probabilities, truth = drawn(4_000, k, sureness)
    found = temperature(probabilities, truth)
    assert found == pytest.approx(sureness, rel=0.08)
    others, theirs = drawn(4_000, k, sureness, seed=1)
    before, after = (
        evaluate_classes(each, theirs, ["log-loss"]).metrics["log-loss"]
        for each in (others, at_temperature(others, found))
    )
    assert after < before if sureness != 1 else after == pytest.approx(before, abs=1e-3)


def test_a_few_examples_without_a_mistake_do_not_make_it_extreme() -> None:
    sure = np.tile(np.array([[0.9, 0.1]], np.float32), (5, 1))
    assert 0.5 < temperature(sure, np.zeros(5, np.int32)) < 1
    assert 1 / LARGEST < temperature(np.repeat(sure, 1_000, axis=0), np.zeros(5_000, np.int32)) < 0.5
    wrong = np.tile(np.array([[1.0, 0.0]], np.float32), (50, 1))
    assert LARGEST / 2 < temperature(wrong, np.ones(50, np.int32)) <= LARGEST


def test_of_many_examples_some_are_enough() -> None:
    probabilities, truth = drawn(3 * MOST_EXAMPLES, 3, 2.0)
    assert temperature(probabilities, truth) == pytest.approx(2.0, rel=0.08)


@given(st.integers(0, 2**32 - 1), st.floats(1 / LARGEST, LARGEST), st.integers(2, 6))
def test_answers_stay_what_they_are(seed: int, degrees: float, k: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, 4, (40, k)) + rng.choice([0.0, 1e-6, 1e-3], (40, k)) + 1e-9
    probabilities = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    found = at_temperature(probabilities, degrees)
    assert found.dtype == np.float32 and found.shape == probabilities.shape
    assert np.array_equal(found.argmax(axis=1), probabilities.argmax(axis=1))
    assert (found >= 0).all() and np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(at_temperature(probabilities, 1.0), probabilities, atol=1e-6)


def test_what_differs_by_a_hair_still_does() -> None:
    close = np.array([[0.5, np.nextafter(np.float32(0.5), np.float32(1))]], np.float32)
    assert at_temperature(close, 10.0).argmax() == 1
    assert at_temperature(close[:, ::-1], 10.0).argmax() == 0
