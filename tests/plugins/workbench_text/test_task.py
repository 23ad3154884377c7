"""Texts as the task reads, splits and answers them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from workbench.contract.context import Context
from workbench.contract.task import Source
from workbench.errors import DataError, SettingsError, UserError
from workbench.planning import ask, suited
from workbench.registry import Registry
from workbench.settings import RunSettings
from workbench_text import task as module
from workbench_text.linear import ComplementNB
from workbench_text.task import TextClassification

TASK = TextClassification()


def table(
    texts: list[str | None], labels: list[str] | None = None, text: str = "text", label: str = "label"
) -> pa.Table:
    return pa.table({text: texts, label: labels or ["a", "b"] * (len(texts) // 2)})


@pytest.mark.parametrize(("text", "label"), [("review", "label"), ("Sentence", "Sentiment"), ("anything", "category")])
def test_columns_are_recognised(text: str, label: str) -> None:
    dataset = TASK.read(Source(table(["x", "y"] * 2, text=text, label=label)), {})
    assert (dataset.encoding.text, dataset.encoding.target) == (text, label)
    assert dataset.report.headline == f"4 examples · 4 characters · text {text}, target {label} (2 classes)"


def test_columns_are_named_where_they_are_not_recognised() -> None:
    data = table(["x", "y"] * 2).rename_columns(["body text", "kind of"]).append_column("id", pa.array(range(4)))
    with pytest.raises(DataError, match="no target column among body text, kind of, id; say which with --target NAME"):
        TASK.read(Source(data), {})
    with pytest.raises(DataError, match=r"no text column among .*; say which with --text-column NAME"):
        TASK.read(Source(data), {"target": "kind of"})
    with pytest.raises(DataError, match="column id cannot hold both"):
        TASK.read(Source(data), {"target": "id", "text_column": "id"})
    found = TASK.read(Source(data), {"target": "kind of", "text_column": "body text"})
    assert found.data.texts.to_pylist().count("x") == 2


def test_few_whole_numbers_are_classes_and_so_are_many() -> None:
    data = pa.table({"text": list("ab") * 30, "label": [number // 2 for number in range(60)]})
    assert TASK.read(Source(data), {}).data.n_classes == 30


def test_a_text_is_shown_as_it_is() -> None:
    data = TASK.read(Source(table(["x\ny", "z"] * 2)), {}).data
    assert sorted(data.shown(np.arange(4))) == ["x\ny", "x\ny", "z", "z"]


def test_odd_texts_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 10)
    dataset = TASK.read(Source(table(["a\0b", "", None, "long" * 5, "same", "same"])), {})
    assert dataset.report.notes == (
        "NUL stands in 1 text, read as \u2400",
        "cut: 1 text of more than 10 characters",
        "empty: 2 texts",
        "2 texts equal to another; equal ones stay on one side of every split",
    )
    assert sorted(dataset.data.texts.to_pylist()) == ["", "", "a\u2400b", "longlonglo", "same", "same"]
    model = ComplementNB()
    model.fit(dataset.data, Context())
    answered = TASK.answer(model, dataset.encoding, {"input": table(["same", "same", "", "x"])})
    assert answered.notices == ("empty: 1 text",), "no split is made of what is only answered"


def test_a_mark_line_ends_and_quoted_newlines_are_read_cleanly(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    rows = ['"two\nlines, one ""text""",a', "x,b"] * 2
    path.write_bytes("\r\n".join(["\ufefftext,label", *rows, ""]).encode())
    dataset = TASK.read(Source(path), {})
    assert (dataset.encoding.text, dataset.encoding.classes) == ("text", ["a", "b"])
    assert sorted(dataset.data.texts.to_pylist()) == ['two\nlines, one "text"'] * 2 + ["x"] * 2
    assert sorted(dataset.data.origin.tolist()) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "texts.csv is empty"),
        ("text,label\n", "texts.csv has a header and no rows"),
        ("text,label\nx,a\ny\nz,b\n", "texts.csv, line 3: 1 value where the header has 2"),
        ("text,label\nx,a\ny,b,c\n", "texts.csv, line 3: 3 values where the header has 2"),
        ("text,label\nx,a\ny,\nz,b\n", "texts.csv, line 3, column label: '' is not a value to predict"),
    ],
)
def test_a_broken_table_is_refused_at_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "texts.csv"
    path.write_text(content)
    with pytest.raises(DataError) as refused:
        TASK.read(Source(path), {})
    assert str(refused.value).startswith(message)


def test_a_document_of_ten_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(
        "label,text\n" + "".join(f"{label},{'word ' * n}\n" for label, n in (("a", 2_000_000), ("b", 1)) * 2)
    )
    dataset = TASK.read(Source(path), {})
    assert "cut: 2 texts of more than 100,000 characters" in dataset.report.notes
    assert dataset.data.shape["characters"] == 200_010


@pytest.mark.parametrize(
    ("labels", "message"),
    [(["a"] * 4, "fewer than two distinct values"), (["a", "a", "a", "b"], "class 'b' has a single row")],
)
def test_too_little_to_learn_from_is_refused(labels: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        TASK.read(Source(table(["w", "x", "y", "z"], labels)), {})


def test_equal_texts_stay_on_one_side() -> None:
    dataset = TASK.read(Source(table([f"text {number % 20}" for number in range(60)])), {})
    split = TASK.split(dataset, None, 0)
    drawn = TASK.resample(split, 1, 0)
    folds = [TASK.fold(split, number, 3, 0) for number in (1, 2, 3)]
    for one, other in [(split.train_valid, split.test), (split.train, split.valid), drawn, *folds]:
        assert not set(one.texts.to_pylist()) & set(other.texts.to_pylist())
    assert split.leakage == ()


def test_texts_that_a_fixed_test_part_shares_with_train_are_counted() -> None:
    data = table([f"text {number}" for number in range(20)])
    split = TASK.split(TASK.read(Source(data, table(["text 3", "new"])), {}), None, 0)
    assert split.leakage == ("1 text of test also in train",)


def test_answers_in_the_order_of_the_lines(tmp_path: Path) -> None:
    dataset = TASK.read(TASK.sample(), {})
    model = ComplementNB()
    model.fit(dataset.data, Context())
    path = tmp_path / "ask.txt"
    path.write_text("cold and stale soup\ngreat warm rice\n\n今天 难吃\n")
    answer = TASK.answer(model, dataset.encoding, {"input": str(path)})
    said = answer.table["prediction"].to_pylist()
    assert [*said[:2], said[3]] == ["bad", "good", "bad"]
    assert answer.table["row"].to_pylist() == [1, 2, 3, 4]
    assert answer.table.column_names == ["row", "prediction", "p(bad)", "p(good)"]
    assert answer.notices == ("empty: 1 text",)
    with pytest.raises(UserError, match="no such file"):
        TASK.answer(model, dataset.encoding, {"input": str(tmp_path / "gone.txt")})


def test_f1_of_each_class_is_measured_and_may_be_searched() -> None:
    part = TASK.read(TASK.example(0), {}).data

    def metrics(metric: str | None) -> tuple[str, ...]:
        settings = RunSettings("text-classification", metric=metric)
        return suited(ask(Registry.discovered(), settings), settings, part).metrics

    assert metrics(None)[0] == "accuracy" and {"f1@good", "f1@bad"} < set(metrics(None))
    assert metrics("f1@bad")[0] == "f1@bad"
    with pytest.raises(SettingsError, match=r"--metric f1@god does not suit this data; choose from accuracy.*f1@good"):
        metrics("f1@god")


def test_a_label_that_follows_its_text_is_scored_under_the_columns_of_the_run(tmp_path: Path) -> None:
    dataset = TASK.read(Source(table(["x", "y", "z", "w"] * 2, text="review", label="mood")), {"target": "mood"})
    path = tmp_path / "new.txt"
    path.write_text("p\ta\nq\tb\nr\ta\n")
    part, notes = TASK.held_out(Source(path), {}, dataset.encoding)
    assert part.texts.to_pylist() == ["p", "q", "r"] and part.target.tolist() == [0, 1, 0]
    assert notes == ("no header: lines are read as text, tab, label",)


def test_columns_that_are_not_used_are_named() -> None:
    data = table(["x", "y"] * 2, text="body").append_column("id", pa.array(range(4)))
    report = TASK.read(Source(data.append_column("headline", data["body"])), {}).report
    assert report.headline == "4 examples · 4 characters · text body, target label (2 classes)"
    assert report.notes[0] == "columns not used: id, headline"


def test_texts_that_models_were_fitted_on_are_not_scored_again() -> None:
    data = table([f"text {number}" for number in range(20)])
    dataset = TASK.read(Source(data), {})
    split = TASK.split(dataset, None, 0)
    encoding = TASK.kept_encoding(dataset, split)
    again, notes = TASK.held_out(Source(data), {}, encoding)
    assert sorted(again.texts.to_pylist()) == sorted(split.test.texts.to_pylist())
    assert notes == ("left out: 16 of 20 examples that the run's models were fitted on",)
    assert len(TASK.held_out(Source(data), {}, dataset.encoding)[0]) == 20
    seen = table(split.train_valid.texts.to_pylist())
    with pytest.raises(DataError, match="table: nothing is left to score; left out: 16 of 16 examples that the run's"):
        TASK.held_out(Source(seen), {}, encoding)


def test_equal_texts_alone_cannot_be_split() -> None:
    dataset = TASK.read(Source(table(["same"] * 40)), {})
    with pytest.raises(DataError, match=r"too few examples to split: 40, 1 of them distinct; equal ones stay on one"):
        TASK.split(dataset, None, 0)


def test_few_distinct_texts_always_leave_some_to_be_scored() -> None:
    for seed in range(20):
        split = TASK.split(TASK.read(Source(table(["a", "b", "c", "d"] * 5)), {}), None, seed)
        assert len(split.valid) and len(split.test)
        assert all(len(TASK.resample(split, draw, seed)[1]) for draw in range(1, 5))


@pytest.mark.parametrize("inner", ["", "deep"])
def test_a_folder_with_a_test_part_is_read_as_two(tmp_path: Path, inner: str) -> None:
    for name in (f"{part}/{label}/{number}.txt" for part in ("train", "test") for label in "ab" for number in range(8)):
        (tmp_path / "data" / inner / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / inner / name).write_text(name)
    dataset = TASK.read(Source(tmp_path / "data"), {})
    assert dataset.name == "data" and len(dataset.data) == 16
    assert dataset.test is not None and len(dataset.test) == 16
    part, _ = TASK.held_out(Source(tmp_path / "data"), {}, dataset.encoding)
    assert sorted(part.texts.to_pylist()) == sorted(dataset.test.texts.to_pylist())
    with pytest.raises(DataError, match="data has a test folder of its own; give that or --test-data, not both"):
        TASK.read(Source(tmp_path / "data", test_data=tmp_path / "data"), {})


def test_an_encoder_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder/config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    data = TASK.read(Source(table(["x", "y"] * 2)), {"pretrained": "./encoder"}).data
    assert data.pretrained == str(tmp_path / "encoder")
