"""Which column is predicted, and whether it holds classes or numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from workbench.contract.task import Source
from workbench.data.labelled import Labelled, Labels, read_labelled
from workbench.errors import DataError


def read(values, name: str = "label", known: Labels | None = None, bad: str = "error", **options: str) -> Labelled:
    table = pa.table({"x": list(range(len(values))), name: values})
    return read_labelled(table, Source(table, on_bad_rows=bad), options, known)


def test_text_is_classes_in_natural_order() -> None:
    found = read(["c10", "c9", "c10"])
    assert found.labels == Labels("label", ["c9", "c10"])
    assert found.target.tolist() == [1, 0, 1] and found.target.dtype == np.int32


@pytest.mark.parametrize("name", ["target", "Label", "class", "y"])
def test_the_target_is_recognised_by_its_name(name: str) -> None:
    assert read(["a", "b"], name).labels.target == name


def test_the_target_is_the_one_that_is_named() -> None:
    assert read(["a", "b"], "goal", target="goal").labels.target == "goal"
    with pytest.raises(DataError, match=r"no target column among x, goal; say which with --target NAME"):
        read(["a", "b"], "goal")
    with pytest.raises(DataError, match=r"no column 'gaol' \(--target\)"):
        read(["a", "b"], "goal", target="gaol")


def test_a_nul_in_a_class_is_shown() -> None:
    assert read(["a\0b", "c"]).labels.classes == ["a\u2400b", "c"]


def test_a_task_may_recognise_other_names() -> None:
    table = pa.table({"x": [1, 2], "mood": ["a", "b"]})
    assert read_labelled(table, Source(table), {}, names=["mood"]).labels.target == "mood"


def test_numbers_are_numbers_and_few_whole_ones_are_classes() -> None:
    assert read([0.5, 1.5, 2.5]).labels.classes == []
    assert read(list(range(100))).labels.classes == []
    found = read(["0", "1", "2"] * 4)
    assert found.labels.classes == ["0", "1", "2"]
    assert any("--kind regression" in note for note in found.notes)


def test_the_user_may_say_which() -> None:
    assert read(["0", "1"] * 9, kind="regression").target.dtype == np.float64
    assert read([0.5, 1.5], kind="classification").labels.classes == ["0.5", "1.5"]
    with pytest.raises(DataError, match="row 1, column label: 'a' is not a number"):
        read(["a", "b"], kind="regression")


def test_whole_floats_and_integers_are_the_same_classes() -> None:
    assert read(pa.array([1.0, 0.0] * 5)).labels == read([1, 0] * 5).labels == Labels("label", ["0", "1"])


@pytest.mark.parametrize("values", [["01", "02"] * 9, [f"0{number}" for number in range(100)]])
def test_numbers_with_leading_zeros_are_classes(values: list[str]) -> None:
    found = read(values)
    assert found.labels.classes == sorted(set(values), key=int)
    assert found.notes == ("label holds leading zeros, read as classes; else pass --kind regression",)
    assert read(values, kind="regression").labels.classes == []


@pytest.mark.parametrize(
    "values", [["007", "7"], ["1e1", "10"], ["1.0", "1"], ["900719925474099301", "900719925474099302"], ["a", "none"]]
)
def test_no_two_labels_become_one(values: list[str]) -> None:
    found = read(values * 9)
    assert [found.labels.classes[number] for number in found.target] == values * 9


def test_a_number_to_predict_is_missing_as_in_other_columns() -> None:
    values = [f"{number / 7}" for number in range(30)]
    with pytest.raises(DataError, match="row 31, column label: 'NA' is not a value to predict"):
        read([*values, "NA"])
    found = read([*values, "NA", "?"], bad="skip-any")
    assert len(found.target) == 30 and found.skipped == 2
    with pytest.raises(DataError, match="row 2, column label: 'inf' is not a value to predict"):
        read([0.5, float("inf"), 1.5])


def test_rows_without_a_target_are_bad_rows() -> None:
    with pytest.raises(DataError, match="row 2, column label: 'None' is not a value to predict"):
        read(["a", None, "b"])
    found = read(["a", "", "b"], bad="skip-any")
    assert found.target.tolist() == [0, 1] and found.skipped == 1
    assert found.table.columns["x"].to_pylist() == [0, 2]
    assert found.table.where(1) == "row 3"


def test_classes_that_models_have_not_met_are_left_out() -> None:
    found = read(["b", "z", "b"], known=Labels("label", ["a", "b"]))
    assert found.target.tolist() == [1, 1]
    assert found.notes == ("left out: 1 row of classes that the run has not met: z",)


def test_data_of_new_classes_alone_is_refused_with_their_names() -> None:
    message = r"table, column label: none of its classes is known: y, z; the run's are a, b"
    with pytest.raises(DataError, match=message):
        read(["z", "y", "z"], known=Labels("label", ["a", "b"]))


def test_labels_of_another_format_are_known() -> None:
    found = read(["True", "False", "True"], known=Labels("label", ["false", "true"]))
    assert found.target.tolist() == [1, 0, 1] and found.labels.classes == ["false", "true"]
    assert found.notes == ("label False, True read as false, true, as the run's classes are written",)


def test_numbers_stay_numbers_where_models_predict_them() -> None:
    assert read(["1", "2"] * 9, known=Labels("label", [])).target.dtype == np.float64


def test_one_value_is_nothing_to_learn_from() -> None:
    with pytest.raises(DataError, match="fewer than two distinct values"):
        read(["a", "a"])
