"""Interactions: read, deduplicated and fingerprinted alike whatever the file, its format and its order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.conftest import rows_of
from tests.data.strategies import Row, rows
from workbench.contract.split import Dataset
from workbench.contract.task import Source
from workbench.data.interactions import Interactions
from workbench.data.reading import read_interactions

Read = Callable[..., Dataset[Interactions]]
NAMES = ("user", "item", "rating", "timestamp")


def table_of(drawn: list[Row]) -> pa.Table:
    return pa.table(dict(zip(NAMES, map(list, zip(*drawn, strict=True)), strict=True)))


def test_rows_are_sorted_by_user_then_item_in_natural_order(read: Read) -> None:
    dataset = read("user,item,rating\nu10,i2,1\nu9,i10,2\nu9,i9,3\n")
    assert rows_of(dataset) == [("u9", "i9", 3.0), ("u9", "i10", 2.0), ("u10", "i2", 1.0)]
    data = dataset.data
    assert (data.users.dtype, data.items.dtype, data.values.dtype) == (np.int32, np.int32, np.float32)
    assert data.shape == {"users": 2, "items": 3, "interactions": 3}
    assert data.provides == {"ratings"}
    assert data.matrix.toarray().tolist() == [[0, 1, 1], [1, 0, 0]]


def test_without_ratings_and_times_every_value_is_one(read: Read) -> None:
    data = read("user,item\na,b\nc,d\n").data
    assert data.values.tolist() == [1, 1]
    assert data.timestamps is None
    assert data.provides == set()


def test_the_report_says_what_was_found(read: Read) -> None:
    report = read("user,item,rating,time\na,b,0.5,0\na,c,5,172800\n\nd,b,x,1\n", on_bad_rows="skip-any").report
    assert report.headline == "2 interactions · 1 user · 2 items · 0.5 to 5 · 1970-01-01 to 1970-01-03"
    assert report.notes == (
        "columns: user, item, rating, time",
        "time read as seconds, all of them in January 1970, so that only their order means something; "
        "see --time-format",
        "skipped: 1 row, the first at line 5, column rating: 'x' is not a number",
    )
    assert report.facts["skipped"] == 1


def test_rows_skipped_for_any_reason_are_counted_once(read: Read) -> None:
    text = "user,item,rating\na,b,1\n,c,x\na\nd,e,nan\nf,g,2\n"
    dataset = read(text, on_bad_rows="skip-any")
    assert rows_of(dataset) == [("a", "b", 1.0), ("f", "g", 2.0)]
    assert dataset.report.facts["skipped"] == 3
    assert len([note for note in dataset.report.notes if note.startswith("skipped")]) == 3


def test_nothing_left_is_refused(refusal: Callable[..., str]) -> None:
    first = "(skipped: 1 row, the first at line 3, column rating: 'x' is not a number)"
    assert (
        refusal("# c\nuser,item,rating\na,b,x\n", on_bad_rows="skip-any") == f"ratings.csv has no good row left {first}"
    )
    first = "(skipped: 1 malformed row, the first at line 3: 2 values where the header has 3)"
    assert (
        refusal("# c\nuser,item,rating\na,b\n", on_bad_rows="skip-any") == f"ratings.csv has no good row left {first}"
    )
    assert refusal(pa.table({"user": [], "item": []})) == "table has no good row left"


def test_the_input_file_is_left_as_it_is(write: Callable[..., Path], read: Read) -> None:
    content = b"\xef\xbb\xbfuser,item\r\na,b\r\n"
    path = write(content)
    read(path)
    assert path.read_bytes() == content


REPEATED = "user,item,rating{}\na,b,3{}\nc,d,1{}\na,b,5{}\na,b,4{}\n"
UNTIMED = REPEATED.format("", "", "", "", "")
TIMED = REPEATED.format(",time", ",30", ",1", ",10", ",20")


@pytest.mark.parametrize(
    ("text", "policy", "value", "time", "note"),
    [
        (TIMED, None, 3, 30, "kept by latest time"),
        (TIMED, "last", 3, 30, "kept by latest time"),
        (TIMED, "first", 5, 10, "kept by earliest time"),
        (TIMED, "largest", 5, 10, "kept by largest value"),
        (TIMED, "sum", 12, 30, "kept by sum of values"),
        (UNTIMED, "last", 4, None, "kept by latest"),
        (UNTIMED, "first", 3, None, "kept by earliest"),
        (UNTIMED, "largest", 5, None, "kept by largest value"),
        (UNTIMED, "sum", 12, None, "kept by sum of values"),
    ],
)
def test_repeated_pairs_are_merged_by_the_policy(
    read: Read, text: str, policy: str | None, value: float, time: int | None, note: str
) -> None:
    dataset = read(text, options={"duplicates": policy} if policy else {})
    assert rows_of(dataset) == [("a", "b", value), ("c", "d", 1.0)]
    assert (None if dataset.data.timestamps is None else dataset.data.timestamps[0]) == time
    assert dataset.report.notes[-1] == f"2 repeated user-item rows merged, {note}"


def test_repeated_pairs_without_times_and_policy_are_refused(refusal: Callable[..., str]) -> None:
    said = refusal("user,item,rating\n\nz,z,bad\na,b,3\nc,d,1\na,b,5\n", on_bad_rows="skip-any")
    assert said.startswith("ratings.csv, line 6: user a has item b a second time (1 such row)")
    assert "--duplicates last|first|largest|sum" in said


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 4), min_size=1), st.randoms(use_true_random=False))
@pytest.mark.parametrize("policy", ["last", "first", "largest", "sum"])
def test_merging_timed_rows_does_not_depend_on_their_order(policy: str, drawn: list[Row], random: Any) -> None:
    shuffled = list(drawn)
    random.shuffle(shuffled)
    first, second = (
        read_interactions(Source(table_of(each)), {"duplicates": policy}).fingerprint for each in (drawn, shuffled)
    )
    assert first == second


@given(rows(), st.randoms(use_true_random=False))
def test_the_fingerprint_does_not_depend_on_format_or_order(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Row], random: Any
) -> None:
    folder = tmp_path_factory.mktemp("formats")
    shuffled = list(drawn)
    random.shuffle(shuffled)
    table = table_of(shuffled)
    table.to_pandas().to_csv(folder / "r.csv", index=False)
    table.to_pandas().to_csv(folder / "r.tsv", index=False, sep="\t", lineterminator="\r\n", encoding="utf-16")
    pq.write_table(table.set_column(2, "rating", table["rating"].cast(pa.float32())), folder / "r.parquet")
    (folder / "r.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in table.to_pylist()))
    sources = [
        Source(table_of(drawn)),
        Source(folder / "r.csv"),
        Source(folder / "r.tsv", encoding="utf-16"),
        Source(folder / "r.parquet"),
        Source(str(folder / "r.jsonl")),
        Source(pd.DataFrame(shuffled, columns=list(NAMES))),
        Source(pl.DataFrame(shuffled, schema=list(NAMES), orient="row")),
    ]
    assert len({read_interactions(source, {}).fingerprint for source in sources}) == 1


@given(rows(), st.data())
def test_the_fingerprint_tells_every_change(drawn: list[Row], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(drawn) - 1))
    user, item, rating, time = drawn[at]
    changed = data.draw(
        st.sampled_from([(user + "x", item, rating, time), (user, item + "x", rating, time), (user, item, 2.0, time),
                         (user, item, rating, time + 1)])
    )  # fmt: skip
    other = [*drawn[:at], changed, *drawn[at + 1 :]]
    first, second = (read_interactions(Source(table_of(each)), {}).fingerprint for each in (drawn, other))
    assert first != second


def test_the_fingerprint_tells_where_an_id_ends(read: Read) -> None:
    assert read("user,item\nab,x\nc,x\n").fingerprint != read("user,item\na,x\nbc,x\n").fingerprint


def test_a_test_file_is_numbered_with_the_data(read: Read, write: Callable[..., Path]) -> None:
    test = write("user,item,rating\nu2,i9,1\nnew,i1,2\n", "test.csv")
    dataset = read("user,item,rating\nu10,i1,5\nu2,i10,4\n", test_data=test)
    assert dataset.test is not None
    encoding: Any = dataset.encoding
    assert encoding.users.to_pylist() == ["new", "u2", "u10"]
    assert encoding.items.to_pylist() == ["i1", "i9", "i10"]
    assert (dataset.test.users.tolist(), dataset.test.items.tolist()) == ([0, 1], [0, 1])
    assert encoding.histories.toarray().tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0]]
    alone = read("user,item,rating\nu10,i1,5\nu2,i10,4\n", "alone.csv")
    assert alone.fingerprint != dataset.fingerprint


def test_an_error_in_the_test_file_names_it(write: Callable[..., Path], refusal: Callable[..., str]) -> None:
    test = write("user,item\na,b\nc\n", "test.csv")
    assert refusal("user,item\na,b\n", test_data=test).startswith("test.csv, line 3: 1 value where the header has 2")


@pytest.mark.parametrize(("bad", "stops"), [(5, False), (6, True)])
def test_skipping_stops_beyond_five_percent_unless_told(
    read: Read, refusal: Callable[..., str], bad: int, stops: bool
) -> None:
    good = "".join(f"u{number},i,1\n" for number in range(100 - bad))
    text = "user,item,rating\n" + good + "x,y,none\n" * (bad - 2) + "x\nx,y,1,2\n"
    if stops:
        said = refusal(text, on_bad_rows="skip")
        assert said.startswith(
            "ratings.csv: 6 of 100 rows would be skipped, more than 5 % (skipped: 2 malformed rows, "
        )
        assert said.endswith("fix the data or pass --on-bad-rows skip-any")
    else:
        assert len(read(text, on_bad_rows="skip").data) == 95
    assert len(read(text, on_bad_rows="skip-any").data) == 100 - bad


def test_all_that_stands_in_the_way_is_said_at_once(refusal: Callable[..., str]) -> None:
    text = "Kunde;Artikel;Rating;Date;Id\n1;7;3,0;09.07.2024 07:36;1\n2;8;4,5;10.07.2024 08:36;2\n"
    assert refusal(text) == (
        "ratings.csv: (1) no user column and no item column among Kunde, Artikel, Rating, Date, Id; say which with "
        "--user-column NAME and --item-column NAME; "
        "(2) line 2, column Rating: '3,0' is not a number (2 such rows); it looks like a decimal comma: pass "
        "--decimal ,; (3) line 2, column Date: '09.07.2024 07:36' is not a time (a number or ISO 8601) "
        "(2 such rows); it looks like --time-format '%d.%m.%Y %H:%M'; taken so far: Rating as rating, Date as time"
    )


def test_a_table_of_another_country_is_read_with_its_options(read: Read) -> None:
    text = "Kunde;Artikel;Rating;Date;Id\n1;7;3,0;09.07.2024 07:36;1\n2;8;4,5;10.07.2024 08:36;2\n"
    options = {
        "user_column": "Kunde", "item_column": "Artikel", "decimal": ",", "time_format": "%d.%m.%Y %H:%M"
    }  # fmt: skip
    dataset = read(text, options=options)
    assert rows_of(dataset) == [("1", "7", 3.0), ("2", "8", 4.5)]
    assert dataset.report.notes == ("columns: Kunde as user, Artikel as item, Rating, Date as time; not used: Id",)
    assert "2024-07-09 to 2024-07-10" in dataset.report.headline


def test_a_column_for_each_item_is_no_table_of_interactions(refusal: Callable[..., str]) -> None:
    items = [f"A{number:03}" for number in range(219)]
    said = refusal(f"user,{','.join(items)}\nu1,{','.join('1' for _ in items)}\nu2,{',' * 218}\n")
    assert "no item column among user, A000, A001" in said
    assert "A008 and 210 more" in said
    assert "one column for each item? this task wants a row for each interaction, such as user,item,rating" in said


def test_the_test_file_is_read_as_the_data(read: Read, write: Callable[..., Path]) -> None:
    """Numbers from 1900 to 2100 alone would be years."""
    test = write("user,item,time\na,z,1990\nb,z,2000\n", "test.csv")
    dataset = read("user,item,time\na,x,1\na,y,2\nb,x,1500\n", test_data=test)
    assert dataset.test is not None
    assert dataset.test.timestamps is not None
    assert dataset.test.timestamps.tolist() == [1990, 2000]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "2 ratings are 0 or less and count as taken all the same; see --min-rating"),
        ({"min_rating": "1"}, "2 rows rated below 1 left out"),
    ],
)
def test_ratings_of_zero_or_less_are_said_to_count(read: Read, options: dict[str, str], said: str) -> None:
    assert said in read("user,item,rating\na,x,0\na,y,1\nb,x,-1\nb,y,1\n", options=options).report.notes


def test_equal_ratings_weigh_nothing_and_that_is_said(read: Read) -> None:
    notes = read("user,item,rating\na,x,5\na,y,5\n", options={"weights": "rating"}).report.notes
    assert notes[-1] == "all ratings are 5, so that --weights makes no difference"


def test_times_within_a_second_tell_the_last_row_and_other_data(read: Read) -> None:
    text = "user,item,rating,time\na,x,1,2020-01-01 12:00:00.{}\na,x,2,2020-01-01 12:00:00.5\n"
    earlier, later = read(text.format("4")), read(text.format("6"))
    assert rows_of(earlier) == [("a", "x", 2.0)]
    assert rows_of(later) == [("a", "x", 1.0)]
    assert later.data.nanoseconds is not None
    assert later.data.nanoseconds.tolist() == [600_000_000]
    text = "user,item,time\na,x,2020-01-01 12:00:00{}\n"
    assert read(text.format(".5")).fingerprint != read(text.format("")).fingerprint
