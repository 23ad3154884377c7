"""The forms in which texts come."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.contract.task import Source
from workbench.data.tables import RawTable
from workbench.errors import DataError
from workbench_text.reading import labels_of, read_texts, read_unlabelled

ROWS = [{"label": "ham", "text": 'a "quoted\tword'}, {"label": "spam", "text": "win"}, {"label": "ham", "text": "b"}]


def read(path: Path, **source: str) -> RawTable:
    return read_texts(path, Source(path, **source), ["label", "text"])


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
    assert read(path).columns.column_names == ["sort", "words"]


def test_a_line_without_a_label_is_refused_or_skipped(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("ham\ta\n\nspam\nham\tb\n")
    with pytest.raises(DataError, match=r"data.txt, line 3: no tab between a label and a text; fix the line or pass"):
        read(path)
    table = read(path, on_bad_rows="skip")
    assert table.columns["text"].to_pylist() == ["a", "b"] and table.skipped == 1
    assert table.notes == (
        "left out: 1 blank lines",
        "skipped: 1 rows without a label, the first at line 3: no tab between a label and a text",
    )


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["rt-polarity.neg", "rt-polarity.pos"], ["neg", "pos"]),
        (["neg.txt", "pos.txt"], ["neg", "pos"]),
        (["train_a_1.txt", "train_b_1.txt"], ["a", "b"]),
        (["pot", "pan"], ["pot", "pan"]),
        (["a.b.c", "a.c"], ["b.c", "c"]),
    ],
)
def test_a_label_is_what_tells_names_apart(names: list[str], labels: list[str]) -> None:
    assert labels_of(names) == labels


def test_a_file_for_each_class(tmp_path: Path) -> None:
    for name, text in {"x.neg": "bad\r\n\n", "x.pos": "good\nfine", "README.md": "about", ".hidden": "no"}.items():
        (tmp_path / name).write_text(text, newline="")
    table = read(tmp_path)
    assert [tuple(row.values()) for row in table.columns.to_pylist()] == [
        ("neg", "bad"),
        ("pos", "good"),
        ("pos", "fine"),
    ]
    assert table.where(2) == "x.pos, line 2"
    assert table.notes == ("left out: 1 blank lines", "left out: README.md")


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name, text in {"a/1.txt": "one\ntwo\n", "a/2.txt": "three", "b/1.txt": "four"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    table = read(tmp_path)
    assert table.columns["label"].to_pylist() == ["a", "a", "b"]
    assert table.columns["text"].to_pylist() == ["one\ntwo", "three", "four"]
    assert table.where(1) == "a/2.txt"
    (tmp_path / "c.txt").write_text("neither")
    with pytest.raises(DataError, match="1 files and 2 folders; give a file for each class"):
        read(tmp_path)


def test_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.txt").symlink_to("/etc/hostname")
    with pytest.raises(DataError, match=r"b\.txt is a link, which is not followed"):
        read(tmp_path)


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
    plain.write_text("first, with a comma\n\nsecond\n")
    table.write_text("id;text\n1;first\n")
    labelled.write_text("a\tx\nb\ty\na\tz\n")
    pq.write_table(pa.table({"text": ["p"]}), tmp_path / "x.parquet")

    def texts(path: Path) -> list[str]:
        return read_unlabelled(path, Source(path), "text").columns["text"].to_pylist()

    assert texts(plain) == ["first, with a comma", "second"]
    assert texts(table) == ["first"]
    assert texts(labelled) == ["x", "y", "z"]
    assert texts(tmp_path / "x.parquet") == ["p"]
    assert texts(pa.table({"text": ["q"]})) == ["q"]
