"""The task: published figures met, questions answered in the user's ids, kindly where nothing is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.contract.split import Dataset, Split
from workbench.contract.task import Source
from workbench.data.interactions import Interactions
from workbench.errors import DataError, SettingsError, UserError
from workbench_recommend.task import Recommend, made_up_ratings

TASK = Recommend()


@pytest.mark.parametrize(
    ("name", "params", "ndcg", "recall"), [("popular", {}, 0.1873, 0.0725), ("ease", {"l2": 500.0}, 0.3676, 0.1775)]
)
def test_the_figures_of_protocol_a_are_met(
    name: str,
    params: dict[str, float],
    ndcg: float,
    recall: float,
    protocol_a: Split[Interactions],
    fitted: Callable[..., Any],
) -> None:
    model = fitted(name, protocol_a.train_valid, params=params)
    found = TASK.evaluate(model, protocol_a.test, ["ndcg@10", "recall@10"])
    assert len(found.per_example["ndcg@10"]) == 610
    assert round(found.metrics["ndcg@10"], 4) == ndcg
    assert round(found.metrics["recall@10"], 4) == recall


def test_a_perfect_model_scores_one_on_every_metric_of_the_task(made: Split[Interactions]) -> None:
    class Oracle:
        """Knows the held-out items."""

        def score(self, users: Any) -> Any:
            return made.test.matrix[users].toarray()

    names = [metric.name for metric in TASK.metrics]
    found = TASK.evaluate(Oracle(), made.test, names)  # type: ignore[arg-type]
    assert set(found.metrics) == set(names)
    for name in ("ndcg@10", "recall@10", "hit@10", "map@10", "mrr@10"):
        assert found.metrics[name] == pytest.approx(1)
    assert found.example_ids is not None
    assert found.example_ids.tolist() == np.unique(made.test.users).tolist()


def test_a_thinned_part_has_the_same_users_in_every_draw(made: Split[Interactions]) -> None:
    parts = [made.valid, *(drawn[1] for draw in (1, 2) if (drawn := TASK.resample(made, draw, 0)))]
    thin = [TASK.thinned(part, 12) for part in parts]
    assert [len(np.unique(part.users)) for part in thin] == [12, 12, 12]
    assert len({tuple(np.unique(part.users)) for part in thin}) == 1
    for part, whole in zip(thin, parts, strict=True):
        assert part.known is whole.known
        assert set(part.pairs) == set(whole.pairs[np.isin(whole.users, part.users)])
    assert TASK.thinned(made.valid, 10_000) is made.valid


def test_the_answers_stay_beside_the_evaluation_as_long_as_the_longest_metric(
    made: Split[Interactions], fitted: Callable[..., Any]
) -> None:
    model = fitted("ease", made.train_valid)
    found = TASK.evaluate(model, made.test, ["ndcg@10", "surprise@25", "surprise"])
    assert list(found.metrics) == ["ndcg@10"], "the others are plugins'"
    assert found.example_ids is not None
    n = len(found.example_ids)
    items, scores = found.answers["items"], found.answers["scores"]
    assert (items.shape, items.dtype, scores.shape, scores.dtype) == ((n, 25), np.int32, (n, 25), np.float32)
    assert (found.truth != made.test.matrix[found.example_ids]).nnz == 0
    for row, user in enumerate(found.example_ids):
        shown = items[row][items[row] >= 0]
        assert not set(shown) & set(made.train_valid.items[made.train_valid.users == user])
    only = TASK.evaluate(model, made.test, ["surprise"])
    assert (only.metrics, only.answers["items"].tolist()) == ({}, items[:, :10].tolist())


def test_beyond_accuracy_is_as_counted_by_hand(made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    found = TASK.evaluate(fitted("als", made.train_valid), made.test, ["gini@5", "novelty@5", "coverage@5"])
    lists = [[item for item in row[:5] if item >= 0] for row in found.answers["items"].tolist()]
    known, n_users = made.train_valid, made.test.n_users
    counts = [sum(item in row for row in lists) for item in range(known.n_items)]
    ranked, n = sorted(counts), known.n_items
    gini = sum((2 * place - n - 1) * count for place, count in enumerate(ranked, 1)) / ((n - 1) * sum(counts))
    assert found.metrics["gini@5"] == pytest.approx(gini)
    assert found.metrics["coverage@5"] == sum(count > 0 for count in counts) / n
    takers = [max(1, len(set(known.users[known.items == item]))) for item in range(n)]
    novelty = [sum(-np.log2(takers[item] / n_users) for item in row) / len(row) for row in lists]
    assert found.per_example["novelty@5"].tolist() == pytest.approx(novelty, abs=1e-6)


@pytest.mark.parametrize(
    ("names", "first", "k"),
    [
        (["ndcg@10", "recall@5"], "ndcg@10", 10),
        (["coverage@10", "recall@3", "ndcg@10"], "recall@3", 3),
        (["gini@4", "novelty@4"], "novelty@4", 4),
    ],
)
def test_groups_are_as_counted_by_hand(
    names: list[str], first: str, k: int, made: Split[Interactions], fitted: Callable[..., Any]
) -> None:
    found = TASK.evaluate(fitted("als", made.train_valid), made.test, names)
    groups = TASK.groups(found, made.test, names)
    known, test = made.train_valid, made.test
    assert found.example_ids is not None
    counts = [(known.users == user).sum() for user in found.example_ids]
    of_users = [group for group in groups if group.by == "users' activity"]
    for group in of_users:
        ends = [int(word) for word in group.name.removesuffix(" known").split(" to ")]
        own = [v for v, c in zip(found.per_example[first], counts, strict=True) if ends[0] <= c <= ends[-1]]
        assert (group.metric, group.count) == (first, len(own))
        assert group.value == pytest.approx(np.mean(own), abs=1e-6)
    of_items = groups[len(of_users) :]
    popularity = np.bincount(known.items, minlength=known.n_items)
    order, start = np.lexsort((np.arange(known.n_items), -popularity)), 0
    rows = {user: set(found.answers["items"][row, :k]) for row, user in enumerate(found.example_ids.tolist())}
    for group in of_items:
        size = int(next(word for word in group.name.split() if word.isdecimal()))
        own_items = set(order[start : start + size].tolist())
        held = [(u, i) for u, i in zip(test.users.tolist(), test.items.tolist(), strict=True) if i in own_items]
        assert (group.by, group.metric, group.count) == ("items' popularity", f"recall@{k}", len(held))
        assert group.value == pytest.approx(sum(item in rows[user] for user, item in held) / len(held))
        start += size
    assert start == known.n_items
    assert sum(group.count for group in of_items) == len(test)


def test_without_a_mean_over_users_there_are_no_groups(made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    found = TASK.evaluate(fitted("popular", made.train_valid), made.test, ["coverage@10"])
    assert TASK.groups(found, made.test, ["coverage@10"]) == ()


def test_users_without_held_out_items_are_left_out(made: Split[Interactions], fitted: Callable[..., Any]) -> None:
    model = fitted("ease", made.train_valid)
    everyone = TASK.evaluate(model, made.test, ["ndcg@10"])
    some = TASK.evaluate(model, made.test.take(made.test.users % 3 == 1, known=made.train_valid), ["ndcg@10"])
    assert everyone.example_ids is not None and some.example_ids is not None
    assert len(everyone.example_ids) == made.test.n_users
    assert some.example_ids.tolist() == list(range(1, made.test.n_users, 3))
    assert some.per_example["ndcg@10"].tolist() == everyone.per_example["ndcg@10"][1::3].tolist()


@pytest.fixture(scope="module")
def dataset() -> Dataset[Interactions]:
    return TASK.read(TASK.example(3), {})


@pytest.fixture(scope="module")
def ask(dataset: Dataset[Interactions], fitted: Callable[..., Any]) -> Callable[..., Any]:
    """Asks a fitted model, and gives back the rows and the notices."""

    def answer(name: str = "ease", **query: Any) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        found = TASK.answer(fitted(name, dataset.data), dataset.encoding, query)
        return found.table.to_pylist(), found.notices

    return answer


def popular_items(dataset: Dataset[Interactions]) -> list[str]:
    """All items from the most popular, equal ones in order of number."""
    counts = np.bincount(dataset.data.items, minlength=dataset.data.n_items)
    encoding: Any = dataset.encoding
    return encoding.items.take(np.lexsort((np.arange(len(counts)), -counts))).to_pylist()  # type: ignore[no-any-return]


def taken(dataset: Dataset[Interactions], user: str) -> set[str]:
    encoding: Any = dataset.encoding
    number = encoding.users.to_pylist().index(user)
    return set(encoding.items.take(dataset.data.items[dataset.data.users == number]).to_pylist())


def test_a_known_user_is_answered_by_the_model(ask: Callable[..., Any], dataset: Dataset[Interactions]) -> None:
    rows, notices = ask(users=["u7", "u2"], k=4)
    assert [(row["user"], row["rank"]) for row in rows] == [
        (user, rank) for user in ("u7", "u2") for rank in range(1, 5)
    ]
    assert {row["answered_by"] for row in rows} == {"model"}
    assert notices == ()
    for user in ("u7", "u2"):
        shown = [row for row in rows if row["user"] == user]
        assert not {row["item"] for row in shown} & taken(dataset, user)
        assert [row["score"] for row in shown] == sorted((row["score"] for row in shown), reverse=True)


def test_an_unknown_user_is_answered_by_popularity_and_named(
    ask: Callable[..., Any], dataset: Dataset[Interactions]
) -> None:
    rows, notices = ask(users=["nobody", "u1"], k=3)
    assert [row["item"] for row in rows if row["user"] == "nobody"] == popular_items(dataset)[:3]
    assert [row["answered_by"] for row in rows] == ["popularity"] * 3 + ["model"] * 3
    assert len(notices) == 1
    assert "users nobody" in notices[0]


def test_all_users_are_answered_in_natural_order(ask: Callable[..., Any]) -> None:
    rows, _ = ask(users=["all"], k=1)
    assert [row["user"] for row in rows] == [f"u{number}" for number in range(1, 41)]


def test_a_history_is_answered_as_the_user_who_has_it(ask: Callable[..., Any], dataset: Dataset[Interactions]) -> None:
    of_user, _ = ask(users=["u5"], k=5)
    of_history, notices = ask(history=[*sorted(taken(dataset, "u5")), "i-none"], k=5)
    assert [row["item"] for row in of_history] == [row["item"] for row in of_user]
    assert {row["answered_by"] for row in of_history} == {"history"}
    assert len(notices) == 1
    assert "items i-none" in notices[0]


def test_a_history_of_unknown_items_is_answered_by_popularity(
    ask: Callable[..., Any], dataset: Dataset[Interactions]
) -> None:
    rows, _ = ask(history=["none", "such"], k=2)
    assert [row["item"] for row in rows] == popular_items(dataset)[:2]
    assert {row["answered_by"] for row in rows} == {"popularity"}


def test_lists_end_with_the_catalogue(ask: Callable[..., Any], dataset: Dataset[Interactions]) -> None:
    rows, _ = ask(users=["u1"], k=1000)
    encoding: Any = dataset.encoding
    assert {row["item"] for row in rows} == set(encoding.items.to_pylist()) - taken(dataset, "u1")
    nothing_left, _ = ask(history=encoding.items.to_pylist(), k=5)
    assert nothing_left == []


@pytest.mark.parametrize("content", ["user\nu2\nu1\nu2\n", "u2\nu1\n", "user,note\nu2,x\nu1,y\n"])
def test_users_of_a_file_are_answered_once_each(ask: Callable[..., Any], tmp_path: Path, content: str) -> None:
    path = tmp_path / "users.csv"
    path.write_text(content)
    rows, _ = ask(input=str(path), k=1)
    assert [row["user"] for row in rows] == ["u2", "u1"]


def test_a_query_that_cannot_be_answered_is_refused(ask: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^-k 0: must be from 1 to 1000"):
        ask(users=["u1"], k=0)
    with pytest.raises(UserError, match=r"^-k 1001: must be from 1 to 1000"):
        ask(users=["u1"], k=1001)
    with pytest.raises(UserError, match="say whom to recommend to: --users"):
        ask()
    path = tmp_path / "users.csv"
    path.write_text("who,what,when\nu1,x,2\n")
    with pytest.raises(DataError, match=r"^users\.csv: no user column among who, what, when; head it user"):
        ask(input=str(path))


def test_users_whose_rows_are_all_held_out_are_scored_by_popularity(fitted: Callable[..., Any]) -> None:
    data = made_up_ratings(0, users=20, items=15)
    mine = np.array([user == "u20" for user in data["user"].to_pylist()])
    dataset = TASK.read(Source(data.filter(~mine), data.filter(mine)), {})
    split = TASK.split(dataset, None, 0)
    popular, ease = (
        TASK.evaluate(fitted(name, split.train_valid), split.test, ["ndcg@10"]).metrics for name in ("popular", "ease")
    )
    assert popular == ease


def test_made_up_data_is_the_same_each_time_and_says_so() -> None:
    first, second = (TASK.read(TASK.example(4), {}) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint != TASK.read(TASK.example(5), {}).fingerprint
    assert first.made_up
    assert first.name == "made-up data"


def test_any_cutoff_is_a_metric() -> None:
    assert TASK.metric("recall@50").name == "recall@50"
    with pytest.raises(SettingsError, match="no metric 'auc'"):
        TASK.metric("auc")


def test_a_user_who_came_after_the_cut_is_answered_from_the_history_not_by_empty_factors(
    fitted: Callable[..., Any],
) -> None:
    """The file knows such users; the kept models, fitted on what lies before the cut, do not."""
    dataset = TASK.read(TASK.example(0), {})
    split = TASK.split(dataset, "user-time", 0)
    before = split.train_valid.take(split.train_valid.users != 7)
    encoding = TASK.kept_encoding(dataset, dataclasses.replace(split, train_valid=before))
    assert encoding.met.sum() == 39
    user = encoding.users[7].as_py()
    for name, how in (("als", "history"), ("ease", "history"), ("bpr", "popularity"), ("popular", "history")):
        answer = TASK.answer(fitted(name, before), encoding, {"users": [user], "k": 3}).table
        assert answer.column("answered_by").to_pylist() == [how] * 3
        assert all(score != 0 for score in answer.column("score").to_pylist())
