"""scikit-learn estimators are restored only where compiled code may be given what they hold."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import decomposition, ensemble, neighbors, svm, tree

from workbench.contract.estimators import check_estimator
from workbench.contract.saving import restore_attributes, save_attributes
from workbench.errors import ModelError

RNG = np.random.default_rng(0)
NUMBERS, TARGET = RNG.normal(size=(60, 4)), RNG.integers(0, 3, 60)


class Holder:
    """A model with one learned attribute."""

    x_: Any


def saved(estimator: Any, folder: Path) -> Path:
    folder.mkdir()
    holder = Holder()
    holder.x_ = estimator.fit(NUMBERS, TARGET)
    save_attributes(holder, folder)
    return folder


def restored(folder: Path) -> Any:
    holder = Holder()
    restore_attributes(holder, folder)
    return holder.x_


def change(folder: Path, name: str, change: Callable[[str, bytes], bytes]) -> None:
    content = (folder / name).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(folder / name, "w") as new:
        for entry in old.namelist():
            new.writestr(entry, change(entry, old.read(entry)))


def arrays(spoil: Callable[[np.ndarray[Any, Any]], Any]) -> Callable[[str, bytes], bytes]:
    def of(entry: str, content: bytes) -> bytes:
        if not entry.endswith(".npy"):
            return content
        array = np.load(io.BytesIO(content)).copy()
        buffer = io.BytesIO()
        changed = spoil(array)
        np.save(buffer, array if changed is None else changed)
        return buffer.getvalue()

    return of


def far(array: np.ndarray[Any, Any]) -> None:
    """Children and features of every tree, whatever the library calls them."""
    for name in ("left_child", "left", "feature", "feature_idx"):
        if array.dtype.names and name in array.dtype.names:
            array[name][array[name] > 0] = 2**30


def back(array: np.ndarray[Any, Any]) -> None:
    for name in ("right_child", "right"):
        if array.dtype.names and name in array.dtype.names:
            array[name][array[name] > 0] = 0


ESTIMATORS = (
    tree.DecisionTreeClassifier(max_depth=3),
    ensemble.RandomForestClassifier(2, max_depth=3),
    ensemble.HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=3),
    ensemble.IsolationForest(n_estimators=2, max_features=0.5),
)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("spoil", [far, back, lambda array: array[:1] if array.dtype.names else None])
def test_a_tree_that_leads_out_of_its_nodes_is_refused(estimator: Any, spoil: Any, tmp_path: Path) -> None:
    folder = saved(estimator, tmp_path / "model")
    assert (restored(folder).predict(NUMBERS) == estimator.predict(NUMBERS)).all()
    change(folder, "x_.skops", arrays(spoil))
    with pytest.raises(ModelError, match="tree"):
        restored(folder)


@pytest.mark.parametrize("machine", [svm.SVC(), svm.SVR(), svm.OneClassSVM()], ids=lambda each: type(each).__name__)
def test_a_machine_with_fewer_vectors_than_it_says_is_refused(machine: Any, tmp_path: Path) -> None:
    folder = saved(machine, tmp_path / "model")
    assert (restored(folder).predict(NUMBERS) == machine.predict(NUMBERS)).all()
    change(folder, "x_.skops", arrays(lambda array: array[:1] if array.ndim == 2 else None))
    with pytest.raises(ModelError):
        restored(folder)


@pytest.mark.parametrize("spoil", [lambda x: x[:, :1], lambda x: x[:2]], ids=["narrow", "short"])
def test_neighbors_that_are_not_what_was_fitted_are_refused(spoil: Any, tmp_path: Path) -> None:
    model = neighbors.KNeighborsClassifier(3, algorithm="brute")
    folder = saved(model, tmp_path / "model")
    assert (restored(folder).predict(NUMBERS) == model.predict(NUMBERS)).all()
    change(folder, "x_.skops", arrays(lambda array: spoil(array) if array.shape == NUMBERS.shape else None))
    with pytest.raises(ModelError, match="neighbors are"):
        restored(folder)


def test_a_preprocessor_that_gives_other_features_is_refused(tmp_path: Path) -> None:
    model = ensemble.HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=3).fit(NUMBERS, TARGET)
    model._preprocessor = decomposition.PCA(1).fit(NUMBERS)
    with pytest.raises(ModelError, match="a preprocessor may give the trees other features"):
        check_estimator(model)


def test_what_cannot_be_checked_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="GradientBoostingRegressor cannot be checked before it is used"):
        saved(ensemble.GradientBoostingRegressor(n_estimators=2), tmp_path / "model")


@pytest.mark.parametrize("by", ["text", "another node"])
def test_a_booster_inside_of_an_estimator_is_checked_before_it_is_made(by: str, tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    folder = saved(lightgbm.LGBMClassifier(n_estimators=2, min_child_samples=3, verbose=-1), tmp_path / "model")
    assert restored(folder).predict(NUMBERS).shape == (60,)

    def spoil(entry: str, content: bytes) -> bytes:
        text = content.decode() if entry == "schema.json" else ""
        if by == "text" or not text:
            return text.replace("left_child=", "left_child=9").encode() if text else content
        schema = json.loads(text)
        for node in nodes(schema):
            if node.get("__class__") == "Booster":
                node["__loader__"] = "LossNode"
                node["__reduce__"] = {"args": node["content"]}
        return json.dumps(schema).encode()

    change(folder, "x_.skops", spoil)
    with pytest.raises(ModelError, match=r"LightGBM model is damaged|in another way than by reading it"):
        restored(folder)


def nodes(value: Any) -> list[dict[str, Any]]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [*([value] if isinstance(value, dict) else []), *(node for each in inner for node in nodes(each))]


def test_a_file_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path) -> None:
    folder = saved(tree.DecisionTreeClassifier(max_depth=2), tmp_path / "model")
    with zipfile.ZipFile(folder / "x_.skops", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.npy", bytes(2**26))
    with pytest.raises(ModelError, match="packed in a way that fitted models are not"):
        restored(folder)


@pytest.mark.parametrize("spoil", ["indices", "indptr"])
def test_a_sparse_matrix_that_leads_out_of_itself_is_refused(spoil: str, tmp_path: Path) -> None:
    import scipy.sparse as sp

    holder = Holder()
    holder.x_ = sp.random_array((9, 9), density=0.5, format="csr", rng=0)
    save_attributes(holder, tmp_path)
    assert (restored(tmp_path) != holder.x_).nnz == 0

    def large(entry: str, content: bytes) -> bytes:
        array = np.load(io.BytesIO(content)).copy()
        if entry == f"{spoil}.npy":
            array[1:-1] = 2**30
        buffer = io.BytesIO()
        np.save(buffer, array)
        return buffer.getvalue()

    change(tmp_path, "x_.npz", large)
    with pytest.raises(ValueError, match=spoil):
        restored(tmp_path)
