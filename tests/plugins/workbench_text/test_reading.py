"""The forms in which texts come."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.contract.task import Source
from workbench.data.tables import RawTable
from workbench.errors import DataError
from workbench_text.reading import read_questions, read_texts

ROWS = [{"label": "ham", "text": 'a "quoted\tword'}, {"label": "spam", "text": "win"}, {"label": "ham", "text": "b"}]


def read(path: Path, **source: str) -> RawTable:
    return read_texts(path, Source(path, **source), {"label", "text"}, ("label", "text")).data


def test_lines_after_a_label_are_told_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "SMSSpamCollection"
    path.write_text("".join(f"{row['label']}\t{row['text']}\n" for row in ROWS))
    table = read(path)
    assert table.columns.to_pylist() == ROWS
    assert table.where(2) == "line 3"
    path.write_text("label\ttext\nham\tlabel\nham\tlabel\n")
    assert read(path).columns.to_pylist() == [{"label": "ham", "text": "label"}] * 2


def test_tables_with_unknown_headers_stay_tables(tmp_path: Path) -> None:
    path = tmp_path / "data.tsv"
    path.write_text("sort\twords\nham\ta\nham\tb\n")
    found = read_texts(path, Source(path), {"sort"}, ("label", "text"))
    assert found.data.columns.column_names == ["sort", "words"] and found.test is None


@pytest.mark.parametrize("name", ["x.csv", "x.txt", "x"])
@pytest.mark.parametrize("content", ["good,a b\nbad,c d\n", "good a b\nbad c, d\n", "ham\ta\nspam\tb\n"])
def test_a_file_without_a_header_is_told_so(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError, match=rf"{name}, line 1: '.*' names no known column .* pass --columns label,text in"):
        read(path)


def test_a_header_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("good,a b\nbad,c d\n")
    found = read_texts(path, Source(path), {"label", "text"}, ("label", "text"), ("label", "text")).data
    assert found.columns.to_pylist() == [{"label": "good", "text": "a b"}, {"label": "bad", "text": "c d"}]


def test_a_label_may_follow_its_text(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("a b\tgood\nc, d\tbad\na b\tgood\ne\tbad\n\n")
    table = read(path)
    assert table.columns.column_names == ["label", "text"]
    assert [tuple(row.values()) for row in table.columns.to_pylist()] == [
        ("good", "a b"),
        ("bad", "c, d"),
        ("good", "a b"),
        ("bad", "e"),
    ]
    assert table.notes == ("no header: lines are read as text, tab, label", "left out: 1 blank line")


def test_the_format_of_fasttext(tmp_path: Path) -> None:
    path = tmp_path / "data.train"
    path.write_text('__label__good a "b\n__label__bad\tc, d\n__label__good\n')
    table = read(path)
    assert [tuple(row.values()) for row in table.columns.to_pylist()] == [
        ("good", 'a "b'),
        ("bad", "c, d"),
        ("good", ""),
    ]
    path.write_text("__label__a x\n__label__a __label__b y\nno label\n__label__b z\n")
    with pytest.raises(DataError, match=r"data\.train, line 2: not one label and a text \(__label__LABEL TEXT"):
        read(path)
    skipping = read(path, on_bad_rows="skip-any")
    assert skipping.columns["text"].to_pylist() == ["x", "z"] and skipping.skipped == 2
    assert skipping.row_keys.to_pylist() == [1, 4]


def test_a_line_without_a_label_is_refused_or_skipped(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("ham\ta\n\nspam\nham\tb\n")
    with pytest.raises(
        DataError, match=r"data.txt, line 3: not one label and a text \(label, tab, text\); fix the line"
    ):
        read(path)
    table = read(path, on_bad_rows="skip")
    assert table.columns["text"].to_pylist() == ["a", "b"] and table.skipped == 1
    assert table.notes == (
        "no header: lines are read as label, tab, text",
        "left out: 1 blank line",
        "skipped: 1 row without a label, the first at line 3: not one label and a text (label, tab, text)",
    )


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-8-sig"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "texts"
    path.write_text("好\t很好\n坏\t难吃\n好\t快\n", encoding=encoding)
    if encoding != "utf-8-sig":
        with pytest.raises(DataError, match="texts, byte 0: not utf-8 text; say which it is, such as --encoding"):
            read(path)
        assert read(path, encoding=encoding).columns["text"].to_pylist() == ["很好", "难吃", "快"]
    else:
        assert read(path).columns["label"].to_pylist() == ["好", "坏", "好"]
    with pytest.raises(DataError, match="--encoding utf-99: no such text encoding"):
        read(path, encoding="utf-99")


def test_texts_to_answer_may_be_lines_tables_or_labelled(tmp_path: Path) -> None:
    plain, table, labelled = (tmp_path / name for name in ("plain.txt", "table.txt", "labelled"))
    plain.write_text("first, with a comma\n\nsecond\n\n")
    table.write_text("id;text\n1;first\n")
    labelled.write_text("a\tx\n\nb\ty\na\tz\nw\n")
    pq.write_table(pa.table({"text": ["p"]}), tmp_path / "x.parquet")

    def texts(path: Path) -> list[str]:
        found = read_questions(path, Source(path), "text")
        assert found.row_keys.to_pylist() == list(range(1, found.columns.num_rows + 1))
        return found.columns["text"].to_pylist()

    assert texts(plain) == ["first, with a comma", "", "second", ""]
    assert texts(table) == ["first"]
    assert texts(labelled) == ["x", "", "y", "z", "w"]
    assert read_questions(labelled, Source(labelled), "text").notes == (
        "lines are read as label, tab, text; their texts are answered",
    )
    assert texts(tmp_path / "x.parquet") == ["p"]
    assert texts(pa.table({"text": ["q"]})) == ["q"]


def test_blank_lines_of_one_column_are_texts_to_answer(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"

    def found(content: str) -> RawTable:
        path.write_text(content, newline="")
        return read_questions(path, Source(path), "text")

    table = found('text\r\nfirst\r\n\r\n"two\r\n\r\nlines"\r\n  \r\n\r\n')
    assert table.columns["text"].to_pylist() == ["first", "", "two\r\n\r\nlines", "  ", ""]
    assert table.where(2) == "line 4" and table.notes == ()
    assert found("text\na\nb\n").columns["text"].to_pylist() == ["a", "b"]
    assert found(f"text\n{'a' * 200_000}\n\nb\n").notes == ("blank lines are left out, so rows are fewer than lines",)
    assert found("text,id\na,1\n\nb,2\n").columns["text"].to_pylist() == ["a", "b"]


def test_texts_to_answer_may_lie_in_folders_and_are_known_by_their_paths(tmp_path: Path) -> None:
    for name in ("a/1.txt", "a/deep/2.txt", "b/3.txt"):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(f"of {name}")
    found = read_questions(tmp_path / "tree", Source(None), "text")
    assert found.row_keys.to_pylist() == ["a/1.txt", "a/deep/2.txt", "b/3.txt"]
    assert found.columns["text"].to_pylist() == ["of a/1.txt", "of a/deep/2.txt", "of b/3.txt"]
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines/one.txt").write_text("x\n\ny\n")
    found = read_questions(tmp_path / "lines", Source(None), "text")
    assert found.row_keys.to_pylist() == ["one.txt:1", "one.txt:2", "one.txt:3"]
    assert found.columns["text"].to_pylist() == ["x", "", "y"]
