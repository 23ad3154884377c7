"""What every model of the plugin promises."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tests.plugins.workbench_recommend.conftest import MODELS
from workbench.blocks.recommend import Queries, recommend
from workbench.contract.split import Split
from workbench.data.interactions import RATING, Interactions
from workbench.space import active, from_json, to_json
from workbench_recommend.task import Recommend

every_model = pytest.mark.parametrize("name", MODELS)
IGNORE_WEIGHTS = {"bpr"}


def lists(model: Any, part: Interactions, k: int = 10) -> tuple[Any, Any]:
    users = np.arange(part.n_users, dtype=np.int32)
    return recommend(model, Queries(users, part.matrix), k, part.matrix)


@every_model
def test_the_same_seed_gives_the_same_lists(name: str, made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    first, second = (lists(fitted(name, made.train, seed=5), made.train) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


@every_model
def test_a_second_fit_forgets_the_first(
    name: str, made: Split[Interactions], build: Callable[..., Any], fitted: Callable[..., Any]
) -> None:
    from workbench.contract.context import Context

    model = build(name)
    model.fit(made.test, Context())
    model.fit(made.train, Context())
    np.testing.assert_array_equal(lists(model, made.train)[0], lists(fitted(name, made.train), made.train)[0])


@every_model
def test_training_data_is_left_as_it_is(name: str, made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    train = dataclasses.replace(made.train)
    arrays = [train.users, train.items, train.values, train.timestamps]
    arrays += [train.matrix.data, train.matrix.indices, train.matrix.indptr]
    before = [array.copy() for array in arrays if array is not None]
    lists(fitted(name, train), train)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_model
def test_read_only_arrays_are_enough(name: str, made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    train = dataclasses.replace(
        made.train, **{field: getattr(made.train, field).copy() for field in ("users", "items", "values", "timestamps")}
    )
    for field in ("users", "items", "values", "timestamps"):
        getattr(train, field).flags.writeable = False
    np.testing.assert_array_equal(lists(fitted(name, train), train)[0], lists(fitted(name, made.train), made.train)[0])


@every_model
def test_a_stored_model_answers_alike(
    name: str, made: Split[Interactions], build: Callable[..., Any], fitted: Callable[..., Any], tmp_path: Path
) -> None:
    model = fitted(name, made.train)
    model.save(tmp_path)
    restored = build(name)
    restored.restore(tmp_path)
    for part in (made.train, made.test):  # known users, and other histories
        wanted, found = lists(model, part), lists(restored, part)
        np.testing.assert_array_equal(found[0], wanted[0])
        np.testing.assert_array_equal(found[1], wanted[1])


@every_model
def test_a_user_never_met_is_answered_from_the_history(
    name: str, made: Split[Interactions], fitted: Callable[..., Any]
) -> None:
    model = fitted(name, made.train)
    known = np.arange(made.train.n_users, dtype=np.int32)
    histories = made.train.matrix
    by_number = recommend(model, Queries(known, histories), 5, histories)
    by_history = recommend(model, Queries(np.full_like(known, -1), histories), 5, histories)
    if not callable(getattr(model, "score_histories", None)):
        assert (by_history[0] == -1).all(), "left to the task, which answers by popularity"
        return
    if not callable(getattr(model, "score", None)):
        np.testing.assert_array_equal(by_number[0], by_history[0])
        return
    # A user's own factors are not those folded in, but they tell the same taste.
    popular = recommend(fitted("popular", made.train), Queries(known, histories), 5, histories)

    def alike(items: Any) -> float:
        return float(np.mean([len(set(one) & set(two)) for one, two in zip(by_number[0], items, strict=True)]))

    assert alike(by_history[0]) > alike(popular[0])


@every_model
def test_lists_hold_no_item_taken_and_end_with_the_catalogue(
    name: str, made: Split[Interactions], fitted: Callable[..., Any]
) -> None:
    train = made.train
    items, scores = lists(fitted(name, train), train, k=train.n_items + 5)
    for user in range(train.n_users):
        left = set(range(train.n_items)) - set(train.items[train.users == user].tolist())
        shown = items[user][items[user] >= 0].tolist()
        assert len(shown) == len(set(shown))
        assert set(shown) == left
        assert np.all(np.diff(scores[user][: len(shown)]) <= 0)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "popular"])
def test_it_beats_popularity_with_its_defaults(
    name: str, protocol_a: Split[Interactions], fitted: Callable[..., Any]
) -> None:
    """On MovieLens latest-small, where popularity has 0.1873."""
    found = Recommend().evaluate(fitted(name, protocol_a.train_valid), protocol_a.test, ["ndcg@10"])
    assert found.metrics["ndcg@10"] > 0.20


@every_model
@pytest.mark.parametrize("shape", [(3, 2), (2, 5), (5, 5)])
def test_tiny_data_is_enough(name: str, shape: tuple[int, int], fitted: Callable[..., Any]) -> None:
    users, items = (array.ravel().astype(np.int32) for array in np.indices(shape))
    keep = (users + items) % 3 < 2
    train = Interactions(users[keep], items[keep], np.ones(keep.sum(), np.float32), None, *shape)
    found, scores = lists(fitted(name, train), train, k=3)
    assert found.shape == (shape[0], 3)
    assert not np.isnan(scores).any()


@every_model
def test_the_search_space_is_sound(name: str, made: Split[Interactions], build: Callable[..., Any]) -> None:
    kind = type(build(name))
    space = kind.space_for({"users": 600, "items": 9000, "interactions": 100_000})
    defaults = kind.hyperparameters()
    assert set(space) <= set(defaults)
    assert from_json(json.loads(json.dumps(to_json(space)))) == dict(space)
    for start in ({}, *kind.starts):
        params = {**defaults, **start}
        outside = [field for field, each in active(space, params).items() if not each.contains(params[field])]
        assert not outside


@every_model
def test_the_estimate_grows_with_the_data(name: str, build: Callable[..., Any]) -> None:
    kind = type(build(name))
    small = kind.estimate({"users": 600, "items": 1000, "interactions": 100_000})
    large = kind.estimate({"users": 60_000, "items": 20_000, "interactions": 10_000_000})
    assert small is not None
    assert large is not None
    assert all(0 < one < other for one, other in zip(small, large, strict=True))


def test_als_folds_in_the_exact_least_squares_solution(made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    model = fitted("als", made.train, params={"factors": 16})
    history = made.train.matrix[[4]]
    history.data *= np.linspace(0.5, 2, history.nnz, dtype=np.float32)
    items = model.item_factors_.astype(np.float64)
    weight = model.weight_of_one_ * history.nnz**-model.user_discount
    taken = np.zeros(made.train.n_items)
    taken[history.indices] = model.alpha * weight * history.data
    # minimise sum_i c_i (x·y_i - p_i)² + l2 |x|² with c = taken where taken, 1 elsewhere, as `implicit` has it
    confidence = np.where(taken > 0, taken, 1.0)
    left = (items * confidence[:, None]).T @ items + model.relative_l2 * model.alpha * np.eye(16)
    exact = np.linalg.solve(left, items.T @ (confidence * (taken > 0)))
    np.testing.assert_allclose(model.fold_in(history)[0], exact, rtol=2e-3, atol=1e-4)


def weighted(part: Interactions) -> Interactions:
    """The part, each interaction of another weight, 1 on average."""
    values = np.random.default_rng(8).gamma(2, size=len(part)).astype(np.float32)
    return dataclasses.replace(part, values=values, weighting=RATING, scale=float(values.mean()))


@every_model
def test_weights_of_interactions_count(name: str, made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    """In the fit, as they must where the model does not say that it ignores them, and in the histories to answer."""
    by_ones, by_weights = fitted(name, made.train), fitted(name, weighted(made.train))
    ones, weights = lists(by_ones, made.train)[1], lists(by_weights, made.train)[1]
    assert np.allclose(ones, weights, rtol=1e-3, atol=0) == (name in IGNORE_WEIGHTS)
    assert ("weights of interactions are ignored" in (type(by_ones).__doc__ or "")) == (name in IGNORE_WEIGHTS)
    if name != "popular" and callable(getattr(by_ones, "score_histories", None)):
        found = [by_ones.score_histories(part.matrix) for part in (made.train, weighted(made.train))]
        assert not np.allclose(*found, rtol=1e-3, atol=0)


def test_popularity_adds_weights_up(made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    train = weighted(made.train)
    expected = np.asarray(train.matrix.sum(axis=0), dtype=np.float32)
    np.testing.assert_allclose(fitted("popular", train).score_histories(train.matrix)[0], expected, rtol=1e-6)


def test_popularity_counts(made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    scores = fitted("popular", made.train).score_histories(sp.csr_array((2, made.train.n_items)))
    expected = np.bincount(made.train.items, minlength=made.train.n_items)
    assert scores.tolist() == [expected.tolist()] * 2
