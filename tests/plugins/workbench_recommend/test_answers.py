"""What may stand in a list: items allowed and denied, few of a category, items taken before; and whom it is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.blocks.recommend import longer_lists
from workbench.contract.model import Model
from workbench.contract.split import Dataset
from workbench.contract.task import Source
from workbench.data.interactions import Interactions
from workbench.errors import DataError, UserError
from workbench_recommend.answers import Narrowing, asked
from workbench_recommend.task import Recommend, made_up_ratings

TASK = Recommend()
ITEMS = [f"i{number}" for number in range(1, 31)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset[Interactions]:
    """Thirty items of three genres; every fifth has two of them, and the last has none."""
    path = tmp_path_factory.mktemp("tables") / "films.csv"
    genres = [f"g{n % 3}" + (f"|g{(n + 1) % 3}" if n % 5 == 0 else "") for n in range(30)]
    lines = [f"{item},Film {item},{genre}" for item, genre in zip(ITEMS, [*genres[:-1], ""], strict=True)]
    path.write_text("item,title,genres\n" + "\n".join(lines) + "\n")
    return TASK.read(TASK.example(3), {"item_table": str(path)})


class Lists(Model):
    """Makes its lists itself: items in order of number."""

    def fit(self, train: Any, context: Any) -> None: ...

    def recommend(self, queries: Any, k: int, exclude: Any) -> Any:
        rows = [[item for item in range(30) if not exclude[[row], [item]][0]] for row in range(len(queries))]
        items = np.array([(row + [-1] * k)[:k] for row in rows], np.int32)
        return items, np.where(items >= 0, -items, -np.inf).astype(np.float32)


@pytest.fixture(params=["ease", "bpr", "popular", "own lists"])
def ask(request: pytest.FixtureRequest, dataset: Dataset[Interactions], fitted: Callable[..., Any]) -> Any:
    """Asks models of every form; gives back the rows."""
    model = Lists() if request.param == "own lists" else fitted(request.param, dataset.data)
    return lambda **query: TASK.answer(model, dataset.encoding, query).table.to_pylist()


def by_user(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for row in rows:
        lists.setdefault(row["user"], []).append(row["item"])
        assert row["rank"] == len(lists[row["user"]])
    return lists


def test_denied_items_are_passed_over(ask: Any) -> None:
    users = ["u1", "u2", "nobody"]
    whole = by_user(ask(users=users, k=30))
    denied = {whole["u1"][0], whole["nobody"][1], "no such item"}
    assert by_user(ask(users=users, k=5, deny=sorted(denied))) == {
        user: [item for item in items if item not in denied][:5] for user, items in whole.items()
    }


def test_only_allowed_items_stand_in_lists_less_the_denied(ask: Any) -> None:
    users = ["u1", "u2", "nobody"]
    whole = by_user(ask(users=users, k=30))
    allowed = ITEMS[::4]
    found = by_user(ask(users=users, k=5, allow=allowed, deny=[allowed[0]]))
    for user, items in whole.items():
        assert found.get(user, []) == [item for item in items if item in allowed[1:]][:5]


@pytest.mark.parametrize("limit", [1, 2, 30])
def test_at_most_so_many_of_a_category(ask: Any, dataset: Dataset[Interactions], limit: int) -> None:
    genres = dict(zip(ITEMS, dataset.encoding.item_table.column("genres").to_pylist(), strict=True))  # type: ignore[attr-defined]
    whole = by_user(ask(users=["u1", "u2", "nobody"], k=30))
    found = by_user(ask(users=["u1", "u2", "nobody"], k=8, per_category=limit))
    for user, items in whole.items():
        counts: Counter[str] = Counter()
        expected = []
        for item in items:
            own = [genre for genre in genres[item].split("|") if genre]
            if all(counts[genre] < limit for genre in own):
                expected.append(item)
                counts.update(own)
        assert found[user] == expected[:8]


def test_titles_stand_beside_the_ids(ask: Any) -> None:
    assert {row["title"] == f"Film {row['item']}" for row in ask(users=["u1"])} == {True}


def test_a_table_given_with_the_query_comes_first(ask: Any, tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("item,name,shelf\n" + "\n".join(f"{item},N{item},{item[-1]}" for item in ITEMS) + "\n")
    rows = ask(users=["u1"], k=10, item_table=str(path), per_category=1, category_column="shelf")
    assert {row["title"] == f"N{row['item']}" for row in rows} == {True}
    assert len({row["item"][-1] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"allow": ["none"]}, "--allow and --deny leave no item that the data has"),
        ({"deny": ITEMS}, "--allow and --deny leave no item that the data has"),
        ({"per_category": 0}, "--per-category 0: must be 1 or more"),
        ({"per_category": 1, "category_column": "x"}, "--category-column x: the item table has title, genres"),
    ],
)
def test_narrowing_that_cannot_be_is_refused(dataset: Dataset[Interactions], query: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Narrowing.of(dataset.encoding, query)  # type: ignore[arg-type]


def test_categories_need_a_table_that_has_them(tmp_path: Path) -> None:
    plain = TASK.read(TASK.example(3), {}).encoding
    with pytest.raises(UserError, match="--per-category needs to know the items' categories; give --item-table"):
        Narrowing.of(plain, {"per_category": 1})  # type: ignore[arg-type]
    path = tmp_path / "names.csv"
    path.write_text("item,name\ni1,One\n")
    with pytest.raises(UserError, match="no category column among name; say which with --category-column"):
        Narrowing.of(plain, {"per_category": 1, "item_table": str(path)})  # type: ignore[arg-type]


def test_unknown_items_of_the_lists_are_named(dataset: Dataset[Interactions]) -> None:
    found = Narrowing.of(dataset.encoding, {"allow": ["i1", "x"], "deny": ["y", "z"]})  # type: ignore[arg-type]
    assert found.notices == (
        "of --allow, unknown to the data: items x",
        "of --deny, unknown to the data: items y, z",
    )


def test_a_file_of_histories_is_answered_as_those_who_have_them(
    dataset: Dataset[Interactions], fitted: Callable[..., Any], tmp_path: Path
) -> None:
    encoding: Any = dataset.encoding
    lines = ["who,item"]
    for name, user in (("guest", 4), ("u1", 6)):
        own = encoding.items.take(dataset.data.items[dataset.data.users == user]).to_pylist()
        lines += [f"{name},{item}" for item in [*own, "unheard of"]]
    path = tmp_path / "baskets.csv"
    path.write_text("\n".join([*lines, "stranger,unheard of"]).replace("who", "user") + "\n")
    model = fitted("ease", dataset.data)
    answer = TASK.answer(model, encoding, {"input": str(path), "k": 4})
    found = by_user(answer.table.to_pylist())
    wanted = by_user(TASK.answer(model, encoding, {"users": ["u5", "u7"], "k": 4}).table.to_pylist())
    assert list(found) == ["guest", "u1", "stranger"]
    assert [found["guest"], found["u1"]] == [wanted["u5"], wanted["u7"]]
    assert answer.table.column("answered_by").to_pylist() == ["history"] * 8 + ["popularity"] * 4
    assert answer.notices == ("left out of the history, unknown to the data: items unheard of",)


def test_a_file_of_histories_with_a_missing_item_is_refused(dataset: Dataset[Interactions], tmp_path: Path) -> None:
    path = tmp_path / "baskets.csv"
    path.write_text("user,item\na,i1\na,\n")
    with pytest.raises(DataError, match=r"baskets.csv, line 3, column item: '' is not an id"):
        TASK.answer(Lists(), dataset.encoding, {"input": str(path)})


READ_AS_ROW = "line 1 of users.txt names no known column and is read as a row; columns: "


@pytest.mark.parametrize(
    ("content", "users", "said"),
    [
        (
            "u1\nu2\n\nu3\n",
            ["u1", "u2", "u3"],
            "line 1 of users.txt names no known column and is read as a row; columns: user",
        ),
        ("user\nu1\nu2\n", ["u1", "u2"], None),
        ("User_ID,age\nu1,7\nu2,8\n", ["u1", "u2"], None),
        ("1\n2\n", ["1", "2"], f"{READ_AS_ROW}user"),
        ("customer_no\n1\n2\n", ["1", "2"], None),
        ("u1\nu2\nu1\n", ["u1", "u2"], "1 row of users met before; each user is answered once"),
        (
            "u9,i1\nu9,i2\n",
            ["u9"],
            "line 1 of users.txt names no known column and is read as a row; columns: user, item",
        ),
    ],
)
def test_a_file_of_users_needs_no_header(
    dataset: Dataset[Interactions], tmp_path: Path, content: str, users: list[str], said: str | None
) -> None:
    path = tmp_path / "users.txt"
    path.write_text(content)
    found = asked(dataset.encoding, {"input": str(path)})  # type: ignore[arg-type]
    assert found.labels.to_pylist() == users
    notices = [notice for notice in found.notices if not notice.startswith("answered by popularity")]
    assert (said in notices) if said else notices == []


def test_a_header_of_unknown_names_is_refused_with_a_remedy_that_predict_has(
    dataset: Dataset[Interactions], tmp_path: Path
) -> None:
    path = tmp_path / "users.csv"
    path.write_text("kunde,artikel\n1,2\n3,4\n5,6\n")
    with pytest.raises(DataError, match=r"delete it, or name its columns as in the run's data$"):
        asked(dataset.encoding, {"input": str(path)})  # type: ignore[arg-type]


def test_where_items_repeat_they_are_recommended_and_scored_again(fitted: Callable[..., Any]) -> None:
    table = made_up_ratings(5, users=30, items=20)
    again = pa.concat_tables([table, table.set_column(3, "timestamp", pa.array([2 * 10**9] * len(table)))])
    for options, repeated in (({}, False), ({"repeats": "recommend"}, True)):
        dataset = TASK.read(Source(again), options)
        split = TASK.split(dataset, None, 0)
        model = fitted("ease", split.train_valid)
        rows = TASK.answer(model, dataset.encoding, {"users": ["u1"], "k": 5}).table.to_pylist()
        encoding: Any = dataset.encoding
        own = set(encoding.items.take(dataset.data.items[dataset.data.users == 0]).to_pylist())
        assert bool({row["item"] for row in rows} & own) == repeated
        score = TASK.evaluate(model, split.test, ["recall@5"]).metrics["recall@5"]
        if repeated:
            assert np.isin(split.test.pairs, split.train_valid.pairs).all()
            assert score > 0


@given(st.lists(st.permutations(range(12)), min_size=1, max_size=4), st.sets(st.integers(0, 11)), st.integers(1, 12))
def test_longer_lists_are_the_accepted_items_in_order(ranking: list[list[int]], accepted: set[int], k: int) -> None:
    whole = np.array(ranking, np.int32)
    asked_for = []

    def ask(rows: Any, length: int) -> Any:
        asked_for.append(length)
        return whole[rows, :length], -np.arange(length, dtype=np.float32)[None, :].repeat(len(rows), axis=0)

    items, scores = longer_lists(ask, lambda found: np.isin(found, list(accepted)), len(whole), k, 12)
    for row, line in zip(items.tolist(), ranking, strict=True):
        wanted = [item for item in line if item in accepted][:k]
        assert row == wanted + [-1] * (k - len(wanted))
    assert np.isfinite(scores).tolist() == (items >= 0).tolist()
    assert asked_for == sorted(asked_for)
