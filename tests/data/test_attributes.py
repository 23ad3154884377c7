"""Tables of items and users: in the order of their numbers, gaps named, doubles refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.contract.split import Dataset
from workbench.data.attributes import column_of
from workbench.data.interactions import Interactions
from workbench.data.splits import split_interactions

RATINGS = "userId,movieId,rating\n1,10,5\n1,9,4\n1,x,3\n2,9,4\n2,10,3\n2,x,1\n"
Read = Callable[..., Dataset[Interactions]]
Write = Callable[..., Path]


def test_a_row_for_each_item_in_the_order_of_their_numbers(read: Read, write: Write) -> None:
    table = write('movieId,title,genres\n10,"Ten, again",Drama\n77,None of ours,War\n9,Nine,Drama|War\n', "movies.csv")
    dataset = read(RATINGS, options={"item_table": str(table)})
    found = dataset.data.item_table
    assert found is not None
    assert found.to_pydict() == {"title": ["Nine", "Ten, again", None], "genres": ["Drama|War", "Drama", None]}
    assert "movies.csv: no row for 1 of 3 items" in dataset.report.notes
    assert dataset.data.provides == {"ratings", "item_features"}
    split = split_interactions(dataset, None, 0)
    for part in (split.train, split.valid, split.test, split.train_valid):
        assert part.item_table is found
    assert dataset.fingerprint == read(RATINGS).fingerprint


def test_users_from_parquet_keep_their_types(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    pq.write_table(
        pa.table({"age": [30, 20], "id": ["2", "1"], "city": pa.array(["é", "b"]).dictionary_encode()}), path
    )
    found = read(RATINGS, options={"user_table": str(path)}).data.user_table
    assert found is not None
    assert found.to_pydict() == {"age": [20, 30], "city": ["b", "é"]}


def test_the_column_of_ids_may_be_called_as_in_the_data(read: Read, write: Write) -> None:
    table = write("thing,title\nx,X\n", "things.csv")
    data = RATINGS.replace("movieId", "thing")
    dataset = read(data, options={"item_table": str(table), "item_column": "thing"})
    assert dataset.data.item_table is not None
    assert dataset.data.item_table.column("title").to_pylist() == [None, None, "X"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("movieId,title\n9,a\n9,b\n", "movies.csv, line 3: item 9 stands there a second time; keep one row of each"),
        ("title,year\na,1\n", "movies.csv: no item column among title, year; head the column of ids item"),
        (
            "movieId,title\n90,a\n",
            "movies.csv: none of its items is in the data; movieId has '90', the data '9', '10', 'x': see whether",
        ),
        ("movieId,title\n9,a,b\n", "movies.csv, line 2: 3 values where the header has 2"),
        ("movieId,title\n,a\n", "movies.csv, line 2, column movieId: '' is not an id"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(
    refusal: Callable[..., str], write: Write, content: str, said: str
) -> None:
    table = write(content, "movies.csv")
    assert said in refusal(RATINGS, options={"item_table": str(table)})


def test_a_table_that_is_not_there_is_named(refusal: Callable[..., str]) -> None:
    assert "movies.csv: no such file" in refusal(RATINGS, options={"item_table": "movies.csv"})


def test_columns_are_found_by_their_names() -> None:
    table = pa.table({"Movie Title": ["a"], "year": [1999]})
    assert column_of(table, ("movietitle",)) is not None
    found = column_of(table, ("year",))
    assert found is not None and found.to_pylist() == ["1999"]
    assert column_of(table, ("genre",)) is None
    assert column_of(None, ("genre",)) is None
