"""Delimited text is read as Python's `csv` reads it where it is strict, or refused at the line that is at fault."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.contract.task import Source
from workbench.data.tables import RawTable, read_table
from workbench.errors import DataError

Refusal = Callable[..., str]


@pytest.fixture
def rows(write: Callable[..., Path]) -> Callable[..., RawTable]:
    """Reads a table from the content of a file."""

    def read(content: str | bytes, name: str = "r.csv", columns: tuple[str, ...] = (), **source: str) -> RawTable:
        path = write(content, name)
        return read_table(path, Source(path, **source), columns)

    return read


@pytest.fixture
def refused(rows: Callable[..., RawTable]) -> Refusal:
    """The message with which the content of a file is refused."""

    def message(*args: object, **how: object) -> str:
        with pytest.raises(DataError) as caught:
            rows(*args, **how)
        return str(caught.value)

    return message


def ratings(n: int = 40) -> list[str]:
    return [f"u{k % 7},i{k % 11},{k % 5 + 1}" for k in range(n)]


def with_lines(lines: list[str], changed: dict[int, str], header: str = "user,item,rating") -> str:
    return "\n".join([header, *(changed.get(k, line) for k, line in enumerate(lines))]) + "\n"


PIECE = st.sampled_from(["a", "b", "1", '"', ",", "\n", "\r\n", "\r", " ", "é", "\t", ";"])
VALUE = st.tuples(st.lists(PIECE, max_size=3).map("".join), st.sampled_from(["quoted", "bare", "raw"]))


def written(value: str, how: str) -> str:
    if how == "quoted":
        return '"' + value.replace('"', '""') + '"'
    return value if how == "raw" else "".join(letter for letter in value if letter not in '",\r\n')


def is_blank(row: list[str]) -> bool:
    return len(row) < 2 and not "".join(row).strip(" \t")


@settings(max_examples=60)
@given(
    st.lists(st.lists(VALUE, min_size=2, max_size=2), min_size=1, max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_strict_csv_is_the_judge(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[tuple[str, str]]], end: str, encoding: str
) -> None:
    text = end.join(["c0,c1", *(",".join(written(*value) for value in row) for row in table)])
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    path.write_bytes(text.encode(encoding))
    try:
        read = read_table(path, Source(path, encoding="utf-16" if encoding == "utf-16" else "utf-8"))
    except DataError:
        read = None
    try:
        expected = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if not is_blank(row)]
    except csv.Error:
        assert read is None
        return
    while expected[-1] == ["", ""]:  # what spreadsheets leave at the end
        expected.pop()
    if read is None:
        assert any(len(row) != 2 for row in expected) or len(expected) == 1 or "\n" in text or "\r" in text
    else:
        assert [read.columns.column_names, *(list(row.values()) for row in read.columns.to_pylist())] == expected


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_bytes_are_a_table_or_refused(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    content = bytearray(with_lines(ratings(), {3: '"u,1","i ""2""",3'}).encode())
    for place, byte in damage:
        content[place % len(content)] = byte
    path = tmp_path_factory.mktemp("damage") / "x.csv"
    path.write_bytes(content)
    try:
        assert read_table(path, Source(path)).columns.num_rows
    except DataError as error:
        assert "x.csv" in str(error)


def test_text_behind_a_closing_quote_is_refused_at_its_line(refused: Refusal) -> None:
    assert refused('a,b\n1,"x"y\n').startswith("r.csv, line 2: a quote opens, and text follows where it closes;")
    said = refused(with_lines(ratings(), {4: 'u4,"i4,5', 30: 'u2,"i8,1'}))
    assert said.startswith("r.csv, line 6: a quote opens, and text follows where it closes on line 32;")


@pytest.mark.parametrize(
    ("header", "lines", "changed", "where"),
    [
        ("user,item,rating", ratings(), {4: 'u4,"i4,5', 30: 'u2,i8",1'}, "lines 6 to 32"),
        ("user,item,rating", ratings(), {4: 'u4,"i4,5', 5: 'u5,i5",1'}, "lines 6 to 7"),
        ("user,item", [f"u{k},i{k}" for k in range(30)], {4: 'u4,"i4', 5: 'u5,i5"'}, "lines 6 to 7"),
        ("text\tlabel", [f"a b {k}\tgood" for k in range(30)], {3: '"x y\tgood', 9: 'z"\tgood'}, "lines 5 to 11"),
        ("id,text", [f"{k},some words {k}" for k in range(30)], {3: '3,"a b', 9: '9,c d"'}, "lines 5 to 11"),
    ],
    ids=["many lines", "two lines", "ids", "texts", "last column"],
)
def test_two_stray_quotes_that_swallow_lines_are_refused(
    refused: Refusal, header: str, lines: list[str], changed: dict[int, str], where: str
) -> None:
    said = refused(with_lines(lines, changed, header))
    assert said.startswith(f"r.csv, {where}: a quoted value holds line ends")
    assert "Parquet or JSONL" in said


@pytest.mark.parametrize(
    "text",
    [
        "Roses are red,\nViolets are blue,\nSugar is sweet,\n",
        "First, a paragraph.\n\nThen, another one.\n",
        "for i in x:\n    f(i, 1)\n    g(i, 2)",
        "one\ntwo",
        "eggs, milk\nbread, good\ntea, salt",
        "roses are red\nviolets, are blue",
        "roses, red\nviolets are blue",
    ],
    ids=["poem", "paragraphs", "code", "short", "list", "comma below", "comma above"],
)
def test_texts_on_several_lines_are_read(rows: Callable[..., RawTable], text: str) -> None:
    lines = [f"some words {k},{'good' if k % 2 else 'bad'}" for k in range(30)]
    read = rows(with_lines(lines, {7: f'"{text}",good'}, "text,label"))
    assert (read.columns["text"][7].as_py(), read.columns.num_rows) == (text, 30)
    behind = rows(with_lines([f"{k % 2},some words {k}" for k in range(30)], {7: f'1,"{text}"'}, "label,text"))
    assert (behind.columns["text"][7].as_py(), behind.columns.num_rows) == (text, 30)
    words = [f"{'good' if k % 2 else 'bad'},word{k},5" for k in range(30)]
    among = rows(with_lines(words, {7: f'good,"{text}",5'}, "label,text,stars"))
    assert (among.columns["text"][7].as_py(), among.columns.num_rows) == (text, 30)
    numbered = rows(with_lines([f"{k},some words" for k in range(30)], {7: f'7,"{text}"'}, "id,text"))
    assert (numbered.columns["text"][7].as_py(), numbered.columns.num_rows) == (text, 30)


def test_texts_of_scripts_without_blanks_may_hold_line_ends(rows: Callable[..., RawTable]) -> None:
    lines = [f"送餐很快{k},好" for k in range(30)]
    read = rows(with_lines(lines, {7: '"味道不错\n下次再来",好'}, "text,label"))
    assert (read.columns["text"][7].as_py(), read.columns.num_rows) == ("味道不错\n下次再来", 30)


def test_lines_of_blanks_are_no_rows(rows: Callable[..., RawTable]) -> None:
    read = rows("user,item\na,b\n   \n\n\t\nc,d\n")
    assert (read.columns.num_rows, read.skipped, read.where(1)) == (2, 0, "line 6")


@pytest.mark.parametrize(("header", "line"), [("a,b", "007,1"), ("a", "007")])
def test_lines_of_blanks_above_the_header_are_no_header(rows: Callable[..., RawTable], header: str, line: str) -> None:
    table = rows(f" \n\n{header}\n{line}\n \n{line}\n" if "," in header else f" \n\n{header}\n{line}\n")
    assert table.columns.column_names == header.split(",")
    assert table.columns.column("a").to_pylist() == ["007"] * table.columns.num_rows
    assert table.where(table.columns.num_rows - 1) == ("line 6" if "," in header else "line 4")


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("utf8", "utf-8"), ("U8", "utf-8"), ("utf_8_sig", "utf-8"), ("UTF-16LE", "utf-16-le"), ("utf-32-be", "utf-32-be")],
)
def test_a_byte_order_mark_is_no_part_of_the_header(rows: Callable[..., RawTable], encoding: str, written: str) -> None:
    for text in ('"a,x",b\n007,1e1\n', '"a,x",b\n007,"1e1\n2"\n'):
        table = rows(f"\ufeff{text}".encode(written), encoding=encoding)
        assert [table.columns.column_names, *map(list, map(dict.values, table.columns.to_pylist()))] == [
            *csv.reader(io.StringIO(text, newline=""))
        ]


def test_bytes_of_no_text_are_refused_under_every_name_of_the_encoding(refused: Refusal) -> None:
    assert "holds bytes of no text" in refused("a,b\n1,\0\n", encoding="utf8")


def test_a_number_of_thousands_of_digits_is_a_value(refused: Refusal, rows: Callable[..., RawTable]) -> None:
    digits = "9" * 5000
    assert "line 1 looks like data" in refused(f"x,{digits}\nx,2\nx,4\n")
    assert rows(f"a,b\nx,{digits}\n").columns.column("b").to_pylist() == [digits]


def test_a_header_that_comes_again_is_refused_or_skipped(refused: Refusal, rows: Callable[..., RawTable]) -> None:
    content = "user,item\na,b\n\nuser,item\nc,d\ne\nf,g\n"
    assert refused("user,item\na,b\n\nuser,item\nc,d\n").startswith("r.csv, line 4: the header once more;")
    read = rows(content, on_bad_rows="skip-any")
    assert (read.columns["user"].to_pylist(), read.skipped) == (["a", "c", "f"], 2)
    assert [read.where(row) for row in range(3)] == ["line 2", "line 5", "line 7"]


@pytest.mark.parametrize("header", ["user,item", '"User","ITEM"', " user , item ", "user,film"])
def test_a_header_that_columns_names_again_is_no_row(rows: Callable[..., RawTable], header: str) -> None:
    read = rows(f"{header}\na,b\nc,d\n", columns=("user", "item"))
    assert read.columns.to_pylist() == [{"user": "a", "item": "b"}, {"user": "c", "item": "d"}]
    assert "line 1: a header" in read.notes[0]
    assert read.where(0) == "line 2"


def test_a_header_under_other_names_is_refused(refused: Refusal) -> None:
    said = refused("uid,iid\n" + "".join(f"{k},{k}\n" for k in range(5)), columns=("user", "item"))
    assert said.startswith("r.csv, line 1 looks like a header (uid, iid); delete it, or leave out --columns")


@pytest.mark.parametrize(
    ("content", "looks_like_data"),
    [
        ("u1,i5,3\nu1,i6,4\nu2,i7,5\n", True),
        ("u1,i5\nu1,i6\nu1,i7\nu2,i5\n", True),
        ("u1,2020-01-01\nu2,2020-01-02\n", True),
        ("some text\tgood\nother\tgood\nmore\tgood\nwords\tbad\n", True),
        ("user,item\nalice,bob\nalice,eve\n", False),
        ("label,0,1,2\n5,0,0,9\n3,0,7,0\n", False),
        (",user,item\n0,1,6\n1,1,34\n", False),
        ("name,2019,2020\na,5,6\nb,7,8\n", False),
        ("name,2020\na,5\nb,7\n", False),
        ("name,2016,2020\na,5,6.5\nb,7,\n", False),
        ("u1,2020\nu2,2019\nu3,2021\n", True),
    ],
)
def test_data_is_not_taken_for_a_header(
    rows: Callable[..., RawTable], refused: Refusal, content: str, looks_like_data: bool
) -> None:
    if looks_like_data:
        said = refused(content)
        assert said.startswith("r.csv: line 1 looks like data, not a header (")
        assert "--columns" in said
    else:
        assert rows(content).columns.num_rows == content.count("\n") - 1


@pytest.mark.parametrize(
    ("content", "name", "header"),
    [
        ('"rating, 1 to 5";user;item\n4;a;b\n', "r.csv", ["rating, 1 to 5", "user", "item"]),
        ("user;item;rating, 1 to 5\n1;6;1,5\n2;7;2,5\n", "r.csv", ["user", "item", "rating, 1 to 5"]),
        ("user\titem, sku\trating (1, 5)\nu\ti\t3\n", "r.tsv", ["user", "item, sku", "rating (1, 5)"]),
        ("user,item\na,b\n", "r.tsv", ["user", "item"]),
        ("text,a|b\nx,y\n", "r.csv", ["text", "a|b"]),
        ("user::item\na::b\nc::d:e\n", "r.dat", ["user", "item"]),
        ("user  item\n1 2\n 3   4 \n", "r.txt", ["user", "item"]),
        ("user item\n1 2\n3 4\n", "ratings 2024.01", ["user", "item"]),
    ],
)
def test_the_delimiter_is_what_makes_the_rows_agree(
    rows: Callable[..., RawTable], content: str, name: str, header: list[str]
) -> None:
    read = rows(content, name).columns
    assert (read.column_names, read.num_rows) == (header, content.count("\n") - 1)


def test_movielens_own_files_are_read(rows: Callable[..., RawTable], refused: Refusal) -> None:
    content = '1::6::"Big" 5::978300760\n1::34::é::978302109\n\n2::6\n'.encode("latin-1")
    names = ("user", "item", "title", "timestamp")
    read = rows(content, "movies.dat", names, encoding="latin-1", on_bad_rows="skip-any")
    assert read.columns["title"].to_pylist() == ['"Big" 5', "é"]
    assert read.skipped == 1
    assert "line 4: 2 values" in refused(content, "movies.dat", names, encoding="latin-1")
    assert "looks like data" in refused(content, "movies.dat", encoding="latin-1")


def test_comments_above_the_header_are_left_out(rows: Callable[..., RawTable]) -> None:
    read = rows('# made, "by, me\n\n% more\nuser,item\na,b\nc\n', on_bad_rows="skip-any")
    assert read.columns.to_pylist() == [{"user": "a", "item": "b"}]
    assert read.notes[0] == "left out: 3 lines of comments above r.csv's line 4"
    assert "line 6" in read.notes[1]


@pytest.mark.parametrize(
    ("content", "names", "columns"),
    [
        ("#user,item\n1,2\n3,4\n", ["#user", "item"], ()),
        ("# user,item\n1,2\n3,4\n", ["# user", "item"], ()),
        ("%user,item\n1,2\n3,4\n", ["%user", "item"], ()),
        ("sep=;\r\nuser;item\r\n1;2\r\n", ["user", "item"], ()),
        ("#exported by me, today\nuser,item\n1,2\n3,4\n5,6\n", ["user", "item"], ()),
        ("% sym unweighted\n1 2 3\n4 5 6\n7 8 9\n", ["user", "item", "rating"], ("user", "item", "rating")),
    ],
)
def test_a_comment_is_the_header_where_it_names_the_columns(
    rows: Callable[..., RawTable], content: str, names: list[str], columns: tuple[str, ...]
) -> None:
    table = rows(content, columns=columns)
    assert table.columns.column_names == names
    assert [column[0].as_py() for column in table.columns.columns] == ["1", "2", "3"][: len(names)]


def test_empty_columns_without_a_name_are_left_out(rows: Callable[..., RawTable], refused: Refusal) -> None:
    read = rows("user,item,,\na,b,,\nc,d,,\n,,,\n")
    assert read.columns.to_pylist() == [{"user": "a", "item": "b"}, {"user": "c", "item": "d"}]
    assert read.notes == (
        "left out: 1 row without any value at the end of r.csv",
        "left out: 2 columns of r.csv with neither a name nor a value",
    )
    assert refused("user,,\na,b,c\n") == "r.csv: columns 2 and 3 hold values and have no name; name them"
    assert rows(",user\n0,b\n").columns.column_names == ["", "user"]
