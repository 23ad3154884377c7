"""Folders of texts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.contract.task import Source
from workbench.data.classes import as_classes
from workbench.data.tables import RawTable
from workbench.errors import DataError
from workbench_text.folders import labels_of, read_folder
from workbench_text.task import TextClassification

NAMES = "label", "text"


def write(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"text of {name}\n")
    return root


def read(path: Path) -> RawTable:
    return read_folder(path, Source(path), NAMES).data


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
    assert table.where(2) == "x.pos:2"
    assert table.notes == ("left out: 1 blank line", "left out: 1 file (README.md)")


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name, text in {"a/1.txt": "one\ntwo\n", "a/2.txt": "three", "b/1.txt": "four"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    table = read(tmp_path)
    assert table.columns["label"].to_pylist() == ["a", "a", "b"]
    assert table.columns["text"].to_pylist() == ["one\ntwo", "three", "four"]
    assert table.where(1) == "a/2.txt"
    assert table.notes == ()
    (tmp_path / "c.txt").write_text("neither")
    (tmp_path / "empty").mkdir()
    (tmp_path / "b/2.txt").write_text(" \n")
    assert read(tmp_path).notes == (
        "left out: 1 blank text",
        "left out: folders without texts: empty",
        "left out: 1 file (c.txt) beside the folders of the classes",
    )


def test_texts_in_folders_of_a_class_are_read(tmp_path: Path) -> None:
    table = read(write(tmp_path, ["neg/0.txt", "neg/2023/1.txt", "neg/2023/may/2.txt", "pos/0.txt"]))
    assert table.columns["label"].to_pylist() == ["neg", "neg", "neg", "pos"]
    assert table.notes == ("2 texts in folders inside those of classes, the first neg/2023/1.txt",)


def test_folders_that_may_each_be_the_class_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ["first/neg/0.txt", "first/pos/0.txt", "second/neg/0.txt"])
    message = r"first/neg/0.txt lies 2 folders deep, so its class could be first or neg; name the folder"
    with pytest.raises(DataError, match=message):
        read(tmp_path)


IMDB = [f"{part}/{label}/{number}_7.txt" for part in ("train", "test") for label in ("neg", "pos") for number in (0, 1)]


def test_a_test_part_is_known_by_its_folder(tmp_path: Path) -> None:
    others = ["README", "imdb.vocab", "imdbEr.txt", "train/unsup/0_0.txt", "train/urls_neg.txt", "test/urls_neg.txt"]
    write(tmp_path / "aclImdb", [*IMDB, *others])
    folder = read_folder(tmp_path, Source(tmp_path), NAMES)
    assert folder.test is not None
    for part, name in ((folder.data, "train"), (folder.test, "test")):
        assert part.columns["label"].to_pylist() == ["neg", "neg", "pos", "pos"]
        assert part.row_keys.to_pylist() == [each for each in IMDB if each.startswith(name)]
    assert folder.data.notes == (
        "folders test, train: test is the fixed test part, the search draws its own valid",
        "left out: 3 files (README, imdb.vocab, imdbEr.txt) beside the folders of the parts",
        "left out: 1 file (urls_neg.txt) beside the folders of the classes",
        "left out: folder unsup with 1 text without a class",
    )
    assert folder.test.notes == ("left out: 1 file (urls_neg.txt) beside the folders of the classes",)


def test_valid_belongs_to_the_data_where_there_is_a_test_part(tmp_path: Path) -> None:
    names = [f"{part}/{label}/{part}.txt" for part in ("train", "dev", "test") for label in "ab"]
    folder = read_folder(write(tmp_path, names), Source(tmp_path), NAMES)
    assert folder.test is not None
    assert folder.data.row_keys.to_pylist() == [
        "dev/a/dev.txt",
        "dev/b/dev.txt",
        "train/a/train.txt",
        "train/b/train.txt",
    ]
    assert folder.test.row_keys.to_pylist() == ["test/a/test.txt", "test/b/test.txt"]


def test_a_class_may_be_called_as_texts_without_one(tmp_path: Path) -> None:
    write(tmp_path, [f"{part}/{label}/0.txt" for part in ("train", "test") for label in ("sup", "unsup")])
    assert read(tmp_path).columns["label"].to_pylist() == ["sup", "unsup"]


def test_files_of_classes_in_parts(tmp_path: Path) -> None:
    write(tmp_path, ["train/rt.neg", "train/rt.pos", "test/rt.neg", "test/rt.pos"])
    folder = read_folder(tmp_path, Source(tmp_path), NAMES)
    assert folder.test is not None and folder.test.columns["label"].to_pylist() == ["neg", "pos"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train.csv", "test.csv"], r"holds 2 files \(test.csv, train.csv\): no lines of a class each; give the files"),
        (["train.txt", "test.txt"], r"holds 2 files \(test.txt, train.txt\): no lines of a class each"),
        (["a.txt"], r"holds 1 file \(a.txt\); give a file for each class with a text on each line, or a folder"),
        (["a/1.txt"], r"holds folders a; give a file for each class"),
        ([], "holds no texts; give a file for each class"),
        ([" a/1.txt", "b/1.txt"], r" a: no label can begin or end with a blank"),
        (["Train/a/1.txt", "train/a/1.txt", "test/a/1.txt"], "two folders are called train but for upper and lower"),
    ],
)
def test_what_is_no_folder_of_classes_is_named(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, names))


def test_names_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    with pytest.raises(DataError, match=r"the name 'caf\\udce9' is not UTF-8; rename it"):
        read(tmp_path)


FOLDERS = st.one_of(
    st.sampled_from(["none", "NA", "null", "nan", "007", "7", "1e1", "10", "true", "True", "900719925474099301", "01"]),
    st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1, max_size=8
    ),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=st.sets(FOLDERS, min_size=2, max_size=5))
def test_a_class_is_called_as_its_folder(tmp_path_factory: pytest.TempPathFactory, labels: set[str]) -> None:
    labels = {label for label in labels if not label.startswith(".")} | {"one", "two"}
    root = write(tmp_path_factory.mktemp("tree"), [f"{label}/0" for label in sorted(labels)])
    dataset = TextClassification().table(root, Source(root), {})
    assert set(as_classes(dataset, "label")[0].to_pylist()) == labels


def test_links_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ["a/0.txt", "b/0.txt"])
    (tmp_path / "b/1.txt").symlink_to("/etc/hostname")
    with pytest.raises(DataError, match=r"b/1\.txt is a link, which is not followed"):
        read(tmp_path)
    (tmp_path / "b/1.txt").unlink()
    os.mkfifo(tmp_path / "b/1.txt")
    with pytest.raises(DataError, match=r"b/1\.txt is no file, and no folder; remove it"):
        read(tmp_path)


def test_that_lines_of_files_are_answered_is_said(tmp_path: Path) -> None:
    lines = read_folder(write(tmp_path / "lines", ["a.txt", "b.txt"]), Source(None), NAMES, answered=True).data
    assert lines.row_keys.to_pylist() == ["a.txt:1", "b.txt:1"]
    assert [note.partition(";")[0] for note in lines.notes] == ["each line of a file is answered as a text"]
    texts = read_folder(write(tmp_path / "texts", ["in/a.txt", "in/b.txt"]), Source(None), NAMES, answered=True).data
    assert (texts.row_keys.to_pylist(), texts.notes) == (["in/a.txt", "in/b.txt"], ())
