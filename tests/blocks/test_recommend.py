"""Top-k lists: the best items, ties to the lower number, excluded items never, whatever form a model has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.blocks.test_top_k import check, scores_of
from workbench.blocks import recommend as block
from workbench.blocks.recommend import Factors, ItemWeights, Queries, recommend
from workbench.contract.model import Model
from workbench.errors import ModelError


class ByUser(Model):
    """Scores known users alone, by rows of its own."""

    scores_: Any

    def score(self, users: Any) -> Any:
        return self.scores_[users]


class ByHistory(ItemWeights):
    """Scores any history."""


class Both(ByUser):
    """Scores known users by rows, others by their history."""

    def score_histories(self, histories: Any) -> Any:
        return histories @ np.eye(histories.shape[1], dtype=np.float32)


@pytest.mark.parametrize("size", [1, 64, 2**21])
@given(scores_of, st.integers(1, 8), st.data())
def test_excluded_items_never_stand_in_a_list(size: int, scores: Any, k: int, data: st.DataObject) -> None:
    model = ByUser()
    model.scores_ = scores
    exclude = data.draw(npst.arrays(np.bool_, scores.shape))
    users = np.array(data.draw(st.lists(st.integers(-1, len(scores) - 1), max_size=6)), dtype=np.int32)
    histories = sp.csr_array((len(users), scores.shape[1]), dtype=np.float32)
    dropped = sp.csr_array(exclude[users].astype(np.float32))
    patch = pytest.MonkeyPatch()
    patch.setattr(block, "BLOCK", size)
    before = scores.copy()
    items, values = recommend(model, Queries(users, histories), k, dropped)
    patch.undo()
    left = np.where(exclude[users] | (users < 0)[:, None], -np.inf, scores[users]).astype(np.float32)
    check(left, k, items, values)
    assert np.array_equal(scores, before)


def test_known_users_are_scored_by_number_and_others_by_history() -> None:
    model = Both()
    model.scores_ = np.array([[3, 2, 1], [1, 2, 3]], dtype=np.float32)
    histories = sp.csr_array(np.array([[0, 1, 0], [0, 0, 1], [0, 1, 0]], dtype=np.float32))
    items, _ = recommend(model, Queries(np.array([1, -1, 0], np.int32), histories), 2, None)
    assert items.tolist() == [[2, 1], [2, 0], [0, 1]]


def test_who_cannot_be_scored_has_no_items() -> None:
    model = ByUser()
    model.scores_ = np.ones((1, 3), dtype=np.float32)
    items, scores = recommend(model, Queries(np.array([-1, 0], np.int32), sp.csr_array((2, 3))), 2, None)
    assert items.tolist() == [[-1, -1], [0, 1]]
    assert scores.tolist() == [[-np.inf, -np.inf], [1, 1]]


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, sp.csc_array])
def test_item_weights_score_a_history_by_its_items(form: Any) -> None:
    weights = np.array([[0, 1, 2], [3, 0, 4], [5, 6, 0]], dtype=np.float32)
    model = ByHistory()
    model.weights_ = form(weights)
    histories = sp.csr_array(np.array([[1, 0, 1], [0, 0, 0]], dtype=np.float32))
    found = model.score_histories(histories)
    assert found.dtype == np.float32
    assert found.tolist() == [[5, 7, 2], [0, 0, 0]]


@pytest.mark.parametrize(("density", "n", "dense"), [(0.01, 60, False), (0.2, 60, True), (0.2, 3, False)])
def test_sparse_weights_give_the_same_sums_in_either_form(density: float, n: int, dense: bool) -> None:
    rng = np.random.default_rng(1)
    weights = sp.random_array((100, 100), density=density, format="csr", dtype=np.float32, rng=rng)
    histories = sp.random_array((n, 100), density=0.3, format="csr", dtype=np.float32, rng=rng)
    assert isinstance(block._quickest(weights, n), np.ndarray) == dense
    model = ByHistory()
    model.weights_ = weights
    np.testing.assert_array_equal(model.score_histories(histories), (histories @ weights).toarray())


def test_large_sparse_weights_are_never_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block, "BLOCK", 4999)
    weights = sp.csr_array(np.ones((100, 100), np.float32))
    assert block._quickest(weights, 10**6) is weights


def test_factors_score_by_inner_products_and_need_a_way_to_fold_in() -> None:
    class Sums(Factors):
        """Folds a history in by adding its items' factors up."""

        def fold_in(self, histories: Any) -> Any:
            return histories @ self.item_factors_

    model = Sums()
    model.item_factors_ = np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32)
    histories = sp.csr_array(np.array([[1, 0, 1]], dtype=np.float32))
    assert model.score_histories(histories).tolist() == [[2, 1, 3]]
    with pytest.raises(NotImplementedError, match="Factors does not say how to fold a history in"):
        Factors().score_histories(histories)


class Own(Model):
    """Makes its lists itself."""

    answer_: Any = None

    def recommend(self, queries: Queries, k: int, exclude: Any) -> Any:
        return self.answer_


def ask(model: Any, n: int = 2, k: int = 2) -> Any:
    return recommend(model, Queries(np.arange(n, dtype=np.int32), sp.csr_array((n, 3), dtype=np.float32)), k, None)


def test_a_model_may_make_its_lists_itself() -> None:
    model = Own()
    model.answer_ = [[2, 0], [1, -1]], [[2.0, 1.0], [1.0, -np.inf]]
    items, scores = ask(model)
    assert (items.dtype, scores.dtype) == (np.int32, np.float32)
    assert (items.tolist(), scores.tolist()) == model.answer_


@pytest.mark.parametrize(
    ("items", "scores", "said"),
    [
        ([[0], [1]], [[1.0], [1.0]], r"items of shape \(2, 1\) and scores of \(2, 1\); \(2, 2\) is needed"),
        ([[0, 1], [1, 2]], [1.0, 2.0], r"scores of \(2,\); \(2, 2\) is needed"),
        ([[0, 1], [1, 2]], [[1.0, np.nan], [1.0, 0.0]], "scores that are NaN"),
        ([[0, 3], [1, 2]], [[1.0, 0.0], [1.0, 0.0]], "item numbers that are not from -1 to 2"),
        ([[0, -2], [1, 2]], [[1.0, 0.0], [1.0, 0.0]], "item numbers that are not from -1 to 2"),
        ([[0, 1], [1, 1]], [[1.0, 0.0], [1.0, 0.0]], "lists that hold an item twice"),
    ],
)
def test_lists_that_metrics_could_not_trust_are_refused(items: Any, scores: Any, said: str) -> None:
    model = Own()
    model.answer_ = items, scores
    with pytest.raises(ModelError, match=f"^Own.recommend gives .*{said}"):
        ask(model)


class Answers(Model):
    """Gives back whatever it was told to."""

    answer_: Any = None

    def score(self, users: Any) -> Any:
        return self.answer_


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.ones((2, 4), np.float32), r"scores of shape \(2, 4\); \(2, 3\) is needed"),
        (np.ones(3, np.float32), r"scores of shape \(3,\); \(2, 3\) is needed"),
        ([[1, 2, 3], [4, 5, 6]], r"scores of shape list; \(2, 3\) is needed"),
        (None, "scores of shape NoneType"),
        (np.array([["a", "b", "c"]] * 2), "scores that are not numbers"),
        (np.array([[np.nan, 1, 2], [0, 1, 2]], np.float32), "scores that are NaN"),
        (np.array([[0, 1, 2], [3, 2, np.nan]], np.float32), "scores that are NaN"),
    ],
)
def test_scores_that_are_none_are_refused(answer: Any, said: str) -> None:
    model = Answers()
    model.answer_ = answer
    with pytest.raises(ModelError, match=f"^Answers gives {said}"):
        ask(model, k=1)


def test_a_model_that_cannot_answer_is_refused() -> None:
    with pytest.raises(ModelError, match="Model defines neither score nor score_histories nor recommend"):
        ask(Model())


def test_a_model_may_hand_out_its_own_array() -> None:
    model = Answers()
    model.answer_ = np.array([[3, 2, 1], [1, 2, 3]], dtype=np.float32)
    histories = sp.csr_array(np.array([[1, 0, 0], [0, 0, 1]], dtype=np.float32))
    for _ in range(2):
        items, _ = recommend(model, Queries(np.arange(2, dtype=np.int32), histories), 2, histories)
        assert items.tolist() == [[1, 2], [1, 0]]
    assert model.answer_.tolist() == [[3, 2, 1], [1, 2, 3]]


@pytest.mark.parametrize(
    "form",
    [
        np.asfortranarray,
        lambda scores: np.repeat(scores, 2, axis=1)[:, ::2],
        lambda scores: scores.astype(np.float64),
        lambda scores: np.frombuffer(scores.tobytes(), np.float32).reshape(scores.shape),
    ],
    ids=["columns-first", "strided", "float64", "read-only"],
)
def test_items_are_excluded_from_scores_of_any_layout(form: Any) -> None:
    model = Answers()
    model.answer_ = form(np.array([[3, 2, 1], [1, 2, 3]], dtype=np.float32))
    exclude = sp.csr_array(np.array([[1, 0, 0], [0, 0, 1]], dtype=np.float32))
    items, _ = recommend(model, Queries(np.arange(2, dtype=np.int32), exclude), 2, exclude)
    assert items.tolist() == [[1, 2], [1, 0]]
    assert model.answer_.tolist() == [[3, 2, 1], [1, 2, 3]]


def test_no_number_is_refused_wherever_it_stands_but_where_excluded() -> None:
    scores = np.tile(np.arange(400, dtype=np.float32), (2, 1))
    scores[1, 3] = np.nan
    model = Answers()
    model.answer_ = scores
    queries = Queries(np.arange(2, dtype=np.int32), sp.csr_array((2, 400), dtype=np.float32))
    with pytest.raises(ModelError, match="Answers gives scores that are NaN"):
        recommend(model, queries, 1, None)
    exclude = sp.csr_array((np.ones(1, np.float32), ([1], [3])), shape=(2, 400))
    assert recommend(model, queries, 1, exclude)[0].tolist() == [[399], [399]]


def test_queries_are_taken_by_row() -> None:
    queries = Queries(np.array([5, -1, 7], np.int32), sp.csr_array(np.eye(3, dtype=np.float32)))
    taken = queries.take(np.array([2, 0]))
    assert len(queries) == 3
    assert taken.users.tolist() == [7, 5]
    assert taken.histories.toarray().tolist() == [[0, 0, 1], [1, 0, 0]]
