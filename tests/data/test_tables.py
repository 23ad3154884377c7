"""Files and tables come in as they are, or are refused with the file, the line and what to do."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.contract.task import Source
from workbench.data.tables import RawTable, read_lines, read_table
from workbench.errors import DataError

AWKWARD = ["007", "1e5", "NA", "null", "-3", "", " 7 ", "9007199254740993", "😀", 'say "hi"', "two\nlines", "a,b"]


@pytest.fixture
def table(write: Callable[..., Path]) -> Callable[..., RawTable]:
    """Reads the content of a file, or a table."""

    def read(data: Any, name: str = "ratings.csv", columns: tuple[str, ...] | None = (), **source: Any) -> RawTable:
        given = write(data, name) if isinstance(data, str | bytes) else data
        return read_table(given, Source(given, **source), columns)

    return read


@pytest.fixture
def message(table: Callable[..., RawTable]) -> Callable[..., str]:
    """The message with which a file or a table is refused."""

    def refused(data: Any, name: str = "ratings.csv", **how: Any) -> str:
        with pytest.raises(DataError) as caught:
            table(data, name, **how)
        return str(caught.value)

    return refused


def as_csv(rows: list[list[str]], newline: str = "\n", delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator=newline, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_every_value_of_a_csv_is_text_byte_exact(
    table: Callable[..., RawTable], newline: str, delimiter: str, mark: bytes
) -> None:
    rows = [["user", "item"], *([value, str(number)] for number, value in enumerate(AWKWARD))]
    read = table(mark + as_csv(rows, newline, delimiter).encode())
    assert read.columns.column_names == ["user", "item"]
    assert read.columns.column("user").to_pylist() == AWKWARD
    assert read.columns.column("item").to_pylist() == [str(number) for number in range(len(AWKWARD))]


def test_a_quoted_newline_in_the_header_leaves_ids_text(table: Callable[..., RawTable]) -> None:
    read = table('"a\nnote",user,item\nx,007,1e5\n')
    assert read.columns.to_pylist() == [{"a\nnote": "x", "user": "007", "item": "1e5"}]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [("latin-1", "é"), ("gbk", "用户"), ("utf-16", "é😀"), ("utf-8", "é😀"), ("UTF8", "é😀")],
)
def test_text_is_read_in_the_encoding_given(table: Callable[..., RawTable], encoding: str, content: str) -> None:
    text = f"user,item\n{content},1\n"
    read = table(text.encode(encoding), encoding=encoding)
    assert read.columns.column("user").to_pylist() == [content]


@pytest.mark.parametrize(
    ("content", "encoding", "byte"),
    [
        ("user,item\na,1\né,2\n".encode("latin-1"), "utf-8", 14),
        ("é,item\na,1\n".encode("latin-1"), "utf-8", 0),
        ("user,item\n😀,1\n".encode("utf-16"), "utf-8", 0),
        ("user,item\né,1\n".encode(), "ascii", 10),
        (b"user,item\na,1\n", "utf-16", 0),
        (b"user,item\n" + b"aaa,1\n" * 400_000 + b"\xff,1\n", "utf-8", 2_400_010),
        (b"user,item\r\n" + b"aaa,1\n" * 174_760 + b"a,1\n" + "é,1\n".encode() * 2 + b"\xff\n", "utf-8", 1_048_585),
    ],
    ids=["latin-1", "header", "utf-16", "ascii", "no byte order mark", "second block", "block border"],
)
@pytest.mark.filterwarnings("error")
def test_another_encoding_is_refused_at_its_byte(
    message: Callable[..., str], content: bytes, encoding: str, byte: int
) -> None:
    said = message(content, encoding=encoding)
    assert said.startswith(f"ratings.csv, byte {byte}: not {encoding} text")
    assert "--encoding latin-1" in said


def test_the_byte_counts_in_the_unpacked_text(message: Callable[..., str]) -> None:
    packed = gzip.compress("user,item\né,1\n".encode("latin-1"))
    assert message(packed, "ratings.csv.gz").startswith("ratings.csv.gz, byte 10: not utf-8 text")


def test_an_encoding_that_does_not_exist_is_named(message: Callable[..., str]) -> None:
    assert message("user,item\na,1\n", encoding="klingon") == "--encoding klingon: no such text encoding"


@pytest.mark.parametrize(
    ("body", "line", "found"),
    [
        ("a,b,1\nc,d\n", 3, "2 values"),
        ("a,b,1\nc,d,1,2\n", 3, "4 values"),
        ("c\n", 2, "1 value"),
        ("\na,b,1\n\n\nc,d\n", 6, "2 values"),
        ('a,"b\n\nx",1\n\nc,d\n', 6, "2 values"),
        ('a,"b\r\nx",1\r\n\r\nc,d,1,\r\n', 5, "4 values"),
        (f'a,"{"x" * 200_000}",1\nc,d\n', 3, "2 values"),
    ],
    ids=["short", "long", "all", "blank lines", "quoted newlines", "crlf", "a long value before"],
)
def test_a_ragged_row_is_refused_at_its_line(message: Callable[..., str], body: str, line: int, found: str) -> None:
    said = message(f"user,item,rating\n{body}")
    assert said.startswith(f"ratings.csv, line {line}: {found} where the header has 3;")
    assert "--on-bad-rows skip" in said


def test_a_ragged_row_is_found_without_a_header_line(message: Callable[..., str]) -> None:
    assert ", line 3: 2 values where" in message("1,2,3\n\n4,5\n", columns=("user", "item", "rating"))


def test_ragged_rows_are_skipped_on_demand_and_counted(table: Callable[..., RawTable]) -> None:
    read = table('user,item\n\nx\na,"b\nb"\nc,d,e\n\nf,g\n', on_bad_rows="skip")
    assert read.columns.to_pylist() == [{"user": "a", "item": "b\nb"}, {"user": "f", "item": "g"}]
    assert read.skipped == 2
    assert read.notes == ("skipped: 2 malformed rows, the first at line 3: 1 value where the header has 2",)
    assert [read.where(row) for row in (0, 1)] == ["line 4", "line 8"]


@given(
    st.lists(
        st.one_of(
            st.just(""),
            st.tuples(st.text("x\n", max_size=3), st.text("y", max_size=1)).map(lambda pair: '"{}",{}z'.format(*pair)),
            st.sampled_from(["one", "a,b,c"]),
        ),
        max_size=12,
    )
)
def test_where_names_the_line_on_which_a_row_starts(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[str]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "ratings.csv"
    path.write_text("user,item\n" + "".join(f"{body}\n" for body in bodies) + "last,row\n")
    expected, line = [], 2
    for body in [*bodies, "last,row"]:
        if body not in ("", "one", "a,b,c"):
            expected.append(f"line {line}")
        line += 1 + body.count("\n")
    read = read_table(path, Source(path, on_bad_rows="skip"))
    assert [read.where(row) for row in range(read.columns.num_rows)] == expected


def test_a_quote_that_is_never_closed_does_not_swallow_rows(message: Callable[..., str]) -> None:
    said = message('user,rating,item\na,1,"b\nc"\n\nc,2,"d\ne,2,f\n')
    assert said.startswith("ratings.csv, line 5: a quote opens and is never closed;")


def test_a_quoted_newline_in_the_last_value_is_no_open_quote(table: Callable[..., RawTable]) -> None:
    assert table('user,item\na,"b\n"\n').columns.column("item").to_pylist() == ["b\n"]


def test_a_quote_within_a_value_is_a_letter(table: Callable[..., RawTable]) -> None:
    assert table('user,item\na,5" disk\nb,"x\n"\n').columns.column("item").to_pylist() == ['5" disk', "x\n"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "ratings.csv is empty"),
        ("\n\n", "ratings.csv is empty"),
        ("\ufeff", "ratings.csv is empty"),
        ("user,item\n", "ratings.csv has a header and no rows"),
        ("user,item\n\n\n", "ratings.csv has a header and no rows"),
        ("user,item,user\n1,2,3\n", "ratings.csv: column 'user' stands twice in the header; rename one"),
    ],
)
def test_a_file_without_data_is_refused(message: Callable[..., str], content: str, said: str) -> None:
    assert message(content) == said


@pytest.mark.parametrize("content", ["196\t242\t3\t881250949\n", "1,2,3.5\n4,5,1e3\n"])
def test_a_headerless_file_is_recognised(message: Callable[..., str], content: str) -> None:
    said = message(content, "u.data")
    assert said.startswith("u.data: line 1 looks like data, not a header")
    assert "--columns user,item,rating,timestamp" in said


def test_columns_name_a_headerless_file(table: Callable[..., RawTable]) -> None:
    read = table("196\t242\n186\t302\n", "u.data", columns=("user", "item"))
    assert read.columns.to_pylist() == [{"user": "196", "item": "242"}, {"user": "186", "item": "302"}]
    assert read.where(0) == "line 1"


def test_packed_files_are_read(table: Callable[..., RawTable]) -> None:
    plain = table("user,item\n007,b\n").columns
    assert table(gzip.compress(b"user,item\n007,b\n"), "ratings.csv.gz").columns.equals(plain)
    assert table(gzip.compress(b'{"user": "007", "item": "b"}\n'), "ratings.jsonl.gz").columns.equals(plain)


@pytest.mark.parametrize("name", ["ratings.csv.gz", "ratings.jsonl.gz"])
def test_a_broken_archive_is_refused_by_name(message: Callable[..., str], name: str) -> None:
    assert message(b"user,item\na,b\n", name).startswith(f"{name} cannot be read: ")
    whole = gzip.compress(b"user,item\n" + b"".join(b"%d,%d\n" % (row, row**3 % 1009) for row in range(20_000)))
    assert message(whole[:-5000], name).startswith(f"{name} cannot be read: ")


def test_a_path_that_is_no_data_file_is_refused(message: Callable[..., str], tmp_path: Path) -> None:
    assert message(tmp_path / "none.csv") == f"{tmp_path / 'none.csv'}: no such file; check --data"
    assert message(tmp_path).startswith(f"{tmp_path} is a folder; this task reads one file")
    assert message("x", "ratings.xlsx").startswith("ratings.xlsx is an Excel workbook; save the sheet as CSV")
    assert message(b"PAR1 no more", "ratings.parquet").startswith("ratings.parquet cannot be read as Parquet: ")


def test_messages_name_options_that_the_command_has(message: Callable[..., str], tmp_path: Path) -> None:
    asked = Source.of_query({"input": tmp_path / "none.csv"})
    query = {"flag": asked.flag, "options": asked.options}
    assert message(asked.data, **query).endswith("no such file; check --input")
    assert message("user,item\na\n", **query).endswith("2; fix the line")
    assert "--columns" not in message("1,2\n3,4\n", columns=None)
    assert "--columns" not in message("1,2\n3,4\n", **query)
    run = Source(tmp_path, test_data=tmp_path / "none.csv")
    with pytest.raises(DataError, match="check --test-data"):
        read_table(run.test_data, run)


@pytest.mark.parametrize(
    "make",
    [pa.table, pa.RecordBatch.from_pydict, pd.DataFrame, pl.DataFrame],
    ids=["pyarrow", "batch", "pandas", "polars"],
)
def test_tables_keep_their_rows_and_types(table: Callable[..., RawTable], make: Callable[[Any], Any]) -> None:
    read = table(make({"user": [2**60 + 1, 7], "item": ["007", "NA"]}))
    assert read.name == "table"
    assert read.columns.to_pylist() == [{"user": 2**60 + 1, "item": "007"}, {"user": 7, "item": "NA"}]
    assert pa.types.is_integer(read.columns.schema.field("user").type)
    assert read.where(1) == "row 2"


def test_what_is_no_table_is_refused(message: Callable[..., str]) -> None:
    assert message([1, 2]).startswith("data is a list; give a path or an Arrow-compatible table")
    mixed = message(pd.DataFrame({"user": ["a", 1], "item": ["x", "y"]}))
    assert "DataFrame" in mixed
    assert "column user" in mixed
    frame = pd.DataFrame({"user": ["a", "b"], "rating": [1, 2]})
    twice = message(pd.concat([frame, frame[["user"]]], axis=1))
    assert twice == "the DataFrame cannot be read as an Arrow table: column 'user' stands twice; rename one"
    assert "Sparse pandas data (column rating)" in message(frame.assign(rating=pd.arrays.SparseArray([1, 2])))


def test_parquet_keeps_rows_and_types(table: Callable[..., RawTable], tmp_path: Path) -> None:
    stored = pa.table({"user": [2**60 + 1], "item": ["007"]})
    pq.write_table(stored, tmp_path / "ratings.parquet")
    read = table(tmp_path / "ratings.parquet")
    assert read.columns.equals(stored)
    assert (read.name, read.where(0)) == ("ratings.parquet", "row 1")


def test_json_lines_keep_text_that_looks_like_a_time(table: Callable[..., RawTable]) -> None:
    rows = [{"user": "2020-01-01", "item": 2**60 + 1}, {"user": "2020-01-02T10:00:00Z", "item": 7}]
    assert table("".join(f"{json.dumps(row)}\n" for row in rows), "r.jsonl").columns.to_pylist() == rows


def test_json_lines_count_blank_lines(table: Callable[..., RawTable]) -> None:
    read = table('{"user": 1}\n\n  \n{"user": 2}\n', "r.jsonl")
    assert [read.where(row) for row in (0, 1)] == ["line 1", "line 4"]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ('{"user": "a", ', "r.jsonl, line 3: not JSON: a text or bracket is not closed"),
        ('{"user": 3}', "r.jsonl, line 3, column user: a number where line 1 has text"),
        ("[1, 2]", "r.jsonl, line 3: not a JSON object"),
    ],
)
def test_json_lines_that_do_not_fit_are_refused_at_their_line(
    message: Callable[..., str], last: str, said: str
) -> None:
    assert message(f'{{"user": "a"}}\n\n{last}\n', "r.jsonl").startswith(said)


def test_json_lines_without_rows_are_refused(message: Callable[..., str]) -> None:
    assert message("\n\n", "r.jsonl") == "r.jsonl has no rows"


def test_rows_longer_than_a_block_are_read(table: Callable[..., RawTable]) -> None:
    long = "x" * 3_000_000
    assert table(f"a,b\n1,2\n3,{long}\n").columns.to_pylist()[1] == {"a": "3", "b": long}
    lines = "".join(json.dumps({"a": each}) + "\n" for each in (long, "y"))
    assert table(lines, "data.jsonl").columns["a"].to_pylist() == [long, "y"]


def test_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lines.gz"
    path.write_bytes(gzip.compress("\ufeffone\r\n\n two\u2028\n".encode()))
    assert read_lines(path, "utf-8") == ["one", "", " two\u2028"]
    path.write_bytes(gzip.compress("a\nß".encode("latin-1")))
    assert read_lines(path, "latin-1") == ["a", "ß"]
    with pytest.raises(DataError, match=r"lines.gz, byte 2: not utf-8 text"):
        read_lines(path, "utf-8")
