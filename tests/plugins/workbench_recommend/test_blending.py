"""Blended lists: sums of what each list gives, whatever the weights and however lists end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp
from statistics import fmean, pstdev
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.blocks.recommend import Queries, recommend
from workbench.contract.context import Context
from workbench.contract.model import Model
from workbench.contract.split import Split
from workbench.data.interactions import Interactions
from workbench_recommend import blending
from workbench_recommend.blending import Blender, Ensemble, blender
from workbench_recommend.task import Recommend

scores = st.sampled_from([-3.0, 0.0, 0.5, 1.0, 100.0])
one_list = st.lists(st.tuples(st.integers(0, 8), scores), max_size=5, unique_by=lambda pair: pair[0])
weights_of_three = st.lists(st.sampled_from([0, 1, 2, 25]), min_size=3, max_size=3)


def given_by(pairs: list[tuple[int, float]]) -> dict[int, float]:
    """What one list gives its items: the softmax of half of its standardised scores."""
    values = [score for _, score in pairs]
    raw = [exp((value - fmean(values)) / (pstdev(values) or 1) / 2) for value in values]
    return {item: share / sum(raw) for (item, _), share in zip(pairs, raw, strict=True)}


def arrays(rows: list[list[tuple[int, float]]]) -> tuple[Any, Any]:
    """Items and scores, from the best."""
    ordered = [sorted(row, key=lambda pair: -pair[1]) for row in rows]
    items = [[item for item, _ in row] + [-1] * (5 - len(row)) for row in ordered]
    values = [[value for _, value in row] + [-np.inf] * (5 - len(row)) for row in ordered]
    return np.array(items, np.int32), np.array(values, np.float32)


@given(st.lists(st.tuples(one_list, one_list, one_list), min_size=1, max_size=4), weights_of_three, st.integers(1, 9))
def test_an_item_gets_what_the_lists_give_it(rows: list[Any], weights: list[int], k: int) -> None:
    items, sums = Blender([arrays(list(model)) for model in zip(*rows, strict=True)], k)(weights)
    assert (items.dtype, items.shape, sums.dtype) == (np.int32, (len(rows), k), np.float32)
    for found, line, row in zip(items.tolist(), sums.tolist(), rows, strict=True):
        worth: dict[int, float] = {}
        for weight, own in zip(weights, row, strict=True):
            for item, share in given_by(own).items() if weight else ():
                worth[item] = worth.get(item, 0.0) + weight * share
        assert len([item for item in found if item >= 0]) == min(k, len(worth))
        assert line[: len(worth)] == pytest.approx(sorted(worth.values(), reverse=True)[:k], abs=1e-5)
        for item, value in zip(found, line, strict=True):
            assert item < 0 or worth[item] == pytest.approx(value, abs=1e-5)


def test_nothing_blended_is_nothing() -> None:
    nothing = np.full((2, 3), -1, np.int32), np.full((2, 3), -np.inf, np.float32)
    items, sums = Blender([nothing, nothing], 2)([1, 1])
    assert items.tolist() == [[-1, -1], [-1, -1]]
    assert np.isneginf(sums).all()
    empty = np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32)
    assert Blender([empty], 2)([1])[0].shape == (0, 2)


def test_one_model_alone_answers_as_itself(made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    model = fitted("ease", made.train_valid)
    known = made.train_valid.matrix
    queries = Queries(np.arange(made.train_valid.n_users, dtype=np.int32), known)
    alone, _ = recommend(model, queries, 5, known)
    for members, weights in (([model], [1]), ([model, fitted("popular", made.train_valid)], [2, 0])):
        together, _ = recommend(Ensemble(members, weights), queries, 5, known)
        assert together.tolist() == alone.tolist()


def test_blocks_make_no_difference(
    made: Split[Interactions], fitted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [fitted(name, made.train_valid) for name in ("ease", "bpr", "popular")]
    known = made.train_valid.matrix
    # Every third is unknown to bpr, which then has no say.
    users = np.where(np.arange(made.train_valid.n_users) % 3 == 0, -1, np.arange(made.train_valid.n_users))
    queries = Queries(users.astype(np.int32), known)
    whole = Ensemble(models, [1, 2, 1]).recommend(queries, 7, known)
    monkeypatch.setattr(blending, "BLOCK", 9)
    items, sums = Ensemble(models, [1, 2, 1]).recommend(queries, 7, known)
    assert np.array_equal(items, whole[0])
    np.testing.assert_allclose(sums, whole[1], rtol=1e-5)
    without = Ensemble([models[0], models[2]], [1, 1]).recommend(queries, 7, known)
    assert np.array_equal(whole[0][::3], without[0][::3])
    assert not np.array_equal(whole[0], without[0])


def test_many_lists_are_blended_in_blocks_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lists = []
    for _ in range(3):
        items = np.argsort(rng.random((23, 40)), axis=1)[:, :12].astype(np.int32)
        items[rng.random(items.shape) < 0.2] = -1
        lists.append((items, -np.sort(rng.integers(-3, 3, items.shape), axis=1).astype(np.float32)))
    whole = blender(lists, 4)([3, 0, 1])
    monkeypatch.setattr(blending, "BLOCK", 5)
    blocks = blender(lists, 4)([3, 0, 1])
    assert np.array_equal(blocks[0], whole[0]) and np.array_equal(blocks[1], whole[1])
    without = blender([lists[2], lists[0]], 4)([1, 3])
    assert np.array_equal(without[0], whole[0]) and np.array_equal(without[1], whole[1])


def test_infinite_scores_are_the_first_and_the_last() -> None:
    items = np.array([[4, 2, 7]], np.int32)
    for scores in ([np.inf, 1, 0], [np.inf, np.inf, -np.inf], [2, 1, -np.inf], [3e38, -3e38, -np.inf]):
        found, sums = Blender([(items, np.array([scores], np.float32))], 3)([1])
        assert sorted(found[0].tolist()) == [2, 4, 7]
        assert np.isfinite(sums).all() and (np.diff(sums) <= 0).all()
        assert found[0, 0] in (2, 4)


class Shy(Model):
    """Popularity for every other user, and no word on the rest."""

    def fit(self, train: Interactions, context: Context) -> None:
        self.scores_ = np.bincount(train.items, minlength=train.n_items).astype(np.float32)

    def score(self, users: Any) -> Any:
        return np.where(users[:, None] % 2 == 0, self.scores_, np.float32(-np.inf))


@pytest.mark.parametrize("weights", [(1, 1, 1), (2, 0, 5), (0, 0, 1), (0, 3, 1), (25, 0, 0)])
@pytest.mark.parametrize("repeats", [False, True])
def test_a_blend_of_answers_is_what_the_ensemble_answers(
    made: Split[Interactions], fitted: Callable[..., Any], weights: tuple[int, ...], repeats: bool
) -> None:
    task, metrics = Recommend(), ["ndcg@10", "recall@3", "coverage@10"]
    shy = Shy()
    shy.fit(made.train, Context(seed=0))
    models = [fitted("ease", made.train), fitted("bpr", made.train), shy]
    part = replace(made.valid, repeats=repeats)
    answers = [task.answers(model, part, metrics) for model in models]
    assert (answers[2]["items"][:, 0] < 0).any(), "nobody whom shy says nothing to"
    rows = np.arange(len(answers[0]["items"]))
    blended = task.blend(answers, part, rows, metrics)(weights)
    chosen = [(model, weight) for model, weight in zip(models, weights, strict=True) if weight]
    together = task.ensemble([model for model, _ in chosen], [weight for _, weight in chosen])
    expected = task.evaluate(together, part, metrics)  # type: ignore[arg-type]
    assert np.array_equal(blended.answers["items"], expected.answers["items"])
    assert np.array_equal(blended.answers["scores"], expected.answers["scores"])
    assert blended.metrics == expected.metrics
    few = rows[::3]
    some = task.blend([{key: own[key][few] for key in own} for own in answers], part, few, metrics)(weights)
    assert np.array_equal(some.per_example["ndcg@10"], expected.per_example["ndcg@10"][few])
    assert some.example_ids is not None and expected.example_ids is not None
    assert np.array_equal(some.example_ids, expected.example_ids[few])
