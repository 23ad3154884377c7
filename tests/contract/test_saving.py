"""What a model learned is stored by type and comes back equal; the rest is refused by name; nothing runs code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from workbench.contract.model import Model
from workbench.errors import ModelError


class Kept(Model):
    """A model that has learned `value_`."""

    value_: Any


def through(value: Any, folder: Path) -> Any:
    fitted = Kept()
    fitted.value_ = value
    fitted.save(folder)
    restored = Kept()
    restored.restore(folder)
    return restored.value_


class Odd:
    """Of a type that nothing knows how to store."""


DTYPES = st.sampled_from(["bool", "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i4", "<U3"])


@given(DTYPES.flatmap(lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, min_side=0))), st.booleans())
def test_arrays_come_back_equal(tmp_path_factory: pytest.TempPathFactory, array: Any, turned: bool) -> None:
    array = array.T[..., ::-1] if turned and array.ndim else array
    found = through(array, tmp_path_factory.mktemp("saved"))
    assert found.shape == array.shape
    assert found.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("value", [np.float32(2.5), np.int64(-3), np.bool_(True), np.float64(7), np.str_("é")])
def test_numpy_scalars_stay_scalars(tmp_path: Path, value: Any) -> None:
    found = through(value, tmp_path)
    assert found == value
    assert found.shape == ()
    assert found.dtype == value.dtype


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
)


@given(plain)
def test_plain_values_come_back_equal(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    found = through(value, tmp_path_factory.mktemp("saved"))
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dia"])
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
def test_sparse_matrices_come_back_equal(tmp_path: Path, form: str, kind: Any) -> None:
    value = kind(np.array([[0, 2.5, 0], [1, 0, 0]], dtype=np.float32)).asformat(form)
    found = through(value, tmp_path)
    assert sp.issparse(found)
    assert isinstance(found, sp.sparray) == isinstance(value, sp.sparray)
    assert found.dtype == np.float32
    assert found.toarray().tolist() == value.toarray().tolist()


def test_several_attributes_of_several_kinds_come_back(tmp_path: Path) -> None:
    fitted: Any = Kept()
    fitted.a_, fitted.b_, fitted.c_ = np.arange(3), sp.eye_array(2, format="csc"), {"n": [1, None]}
    fitted.d_, fitted.e_ = np.array(["x", "é"]), np.ones((2, 2))
    fitted._hidden_ = fitted.scratch = object()
    fitted.save(tmp_path)
    restored: Any = Kept()
    restored.restore(tmp_path)
    assert set(vars(restored)) == {"a_", "b_", "c_", "d_", "e_"}
    assert (restored.c_, restored.d_.tolist(), restored.e_.sum()) == ({"n": [1, None]}, ["x", "é"], 4)


def test_estimators_and_boosters_come_back_equal(tmp_path: Path) -> None:
    from lightgbm import Booster, Dataset, train
    from sklearn.linear_model import LogisticRegression

    rows = np.random.default_rng(0).normal(size=(60, 3))
    labels = (rows[:, 0] > 0).astype(int)
    line = LogisticRegression().fit(rows, labels)
    (tmp_path / "sklearn").mkdir()
    found = through(line, tmp_path / "sklearn")
    np.testing.assert_array_equal(found.predict_proba(rows), line.predict_proba(rows))
    trees = train({"verbosity": -1, "num_threads": 1}, Dataset(rows, labels), num_boost_round=3)
    (tmp_path / "lightgbm").mkdir()
    again = through(trees, tmp_path / "lightgbm")
    assert isinstance(again, Booster)
    np.testing.assert_allclose(again.predict(rows), trees.predict(rows))


def shout(text: Any) -> Any:
    return text


def vectorizer() -> Any:
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(shout)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: (1, 2), "builtins.tuple"),
        (lambda: {1: 2}, "builtins.dict"),
        (lambda: [np.float32(1)], "builtins.list"),
        (lambda: float("nan"), "builtins.float (nan)"),
        (lambda: np.array([None]), "numpy.ndarray of object"),
        (lambda: np.array([1j]), "numpy.ndarray of complex128"),
        (lambda: np.array([b"a"]), "numpy.ndarray of |S1"),
        (lambda: np.array(["2020"], "M8[D]"), "numpy.ndarray of datetime64[D]"),
        (lambda: np.zeros(2, [("a", "i4")]), "numpy.ndarray of [('a', '<i4')]"),
        (lambda: np.array(["a"], np.dtypes.StringDType()), "numpy.ndarray of StringDType()"),
        (lambda: np.ma.array([1, 2], mask=[0, 1]), "numpy.ma.MaskedArray of int64"),
        (lambda: shout, "builtins.function"),
        (lambda: Odd(), f"{__name__}.Odd"),
        (vectorizer, "sklearn.preprocessing._function_transformer.FunctionTransformer"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(tmp_path: Path, make: Callable[[], Any], kind: str) -> None:
    with pytest.raises(ModelError) as caught:
        through(make(), tmp_path)
    assert str(caught.value).startswith(f"Kept.value_ is a {kind}, which cannot be stored without pickle; keep arrays")
    assert "override save and restore" in str(caught.value)


@pytest.mark.parametrize("name", ["fit", "__class__", "_value_", "a.b_", "../value_", "value_ "])
def test_only_learned_attributes_are_restored(tmp_path: Path, name: str) -> None:
    (tmp_path / "attributes.json").write_text(json.dumps({name: "plain"}))
    (tmp_path / "plain.json").write_text(json.dumps({name: 1}))
    with pytest.raises(ModelError, match="is no name of a learned attribute"):
        Kept().restore(tmp_path)


def test_a_kind_of_a_later_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "attributes.json").write_text(json.dumps({"value_": "pickle"}))
    (tmp_path / "plain.json").write_text("{}")
    with pytest.raises(ModelError, match="value_ is stored as 'pickle', which this version does not load"):
        Kept().restore(tmp_path)
