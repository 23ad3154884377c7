"""scikit-learn estimators read back, and checked for numbers that would lead compiled code out of their arrays.

skops vouches for types alone. Decision trees, support vector machines, neighbors and LightGBM boosters of trusted types
are checked number by number; trees and boosters before they are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

from workbench.contract.boosters import check_booster
from workbench.errors import ModelError

# Fixed here and never read from a file: a list inside the file would let the file vouch for itself.
TRUSTED_TYPES = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)

MOST_UNPACKED = 2**26
"""Bytes that a packed file of any size may unpack to; a larger one is bounded by `MOST_PACKED`."""

MOST_PACKED = 200
"""How many times its own size a packed file may unpack to; arrays of fitted models have 1 to 10."""

_LEAF = -1
_MADE_BY = {"Tree": "TreeNode", "Booster": "ObjectNode", "TreePredictor": "ObjectNode"}


def load_estimator(path: Path) -> Any:
    """What `skops.io.dump` wrote, of types that are known, and checked as this module says.

    Raises:
        ModelError: numbers in it lead out of its own arrays, or it is of a kind that cannot be checked.
    """
    from skops.io._audit import audit_tree, get_tree
    from skops.io._utils import read_schema

    check_packed(path)
    with ZipFile(path) as archive:  # as `skops.io.load` does, with a look at what is about to be made
        schema, context = read_schema(archive)
        tree = get_tree(schema, context, trusted=list(TRUSTED_TYPES))
        audit_tree(tree, trusted=list(TRUSTED_TYPES))
        nodes = list(_nodes(tree))
        constructors = {id(node.constructor) for node in nodes if type(node).__name__ == "TreeNode"}
        for node in nodes:
            if id(node) not in constructors:
                _check_node(node)
        estimator = tree.construct()
    check_estimator(estimator)
    return estimator


def check_packed(path: Path) -> None:
    """Refuse a zip that would unpack to far more than it is.

    Raises:
        ModelError: it would.
    """
    with ZipFile(path) as archive:
        entries = archive.infolist()
    plain = all(entry.compress_type in (ZIP_STORED, ZIP_DEFLATED) for entry in entries)
    if not plain or sum(entry.file_size for entry in entries) > max(MOST_UNPACKED, MOST_PACKED * path.stat().st_size):
        raise ModelError(f"{path.name} is packed in a way that fitted models are not")


def _nodes(root: Any) -> Iterator[Any]:
    """Every node of a tree of skops, children before their parents, each once."""
    seen: set[int] = set()
    stack = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            yield node
        elif isinstance(node, list | tuple | dict):
            stack.extend((each, False) for each in (node.values() if isinstance(node, dict) else node))
        elif hasattr(node, "construct") and id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.append((node.children, False))


def _check_node(node: Any) -> None:
    """Refuse a tree or booster whose numbers do not fit each other; it is not made yet, but its children are."""
    name, kind = f"{node.module_name}.{node.class_name}", type(node).__name__
    if kind == "TreeNode":
        _check_tree(node.args.construct(), node.attrs.construct())
    elif name == "lightgbm.basic.Booster" and kind == "ObjectNode":
        state = None if node.attrs is None else node.attrs.construct()
        if not isinstance(state, dict) or "handle" in state or not isinstance(state.get("_handle"), str):
            raise ModelError("a LightGBM booster has no model")
        check_booster(state["_handle"])
    elif node.class_name in _MADE_BY and kind != _MADE_BY[node.class_name]:
        raise ModelError(f"{name} is to be made in another way than by reading it")


def _check_tree(arguments: Any, state: Any) -> None:
    """Of scikit-learn's `Tree`: the arguments that it is made with, and the nodes that it is given then."""
    n_features, n_classes, n_outputs = arguments
    nodes, count = state["nodes"], state["node_count"]
    classes = np.asarray(n_classes)
    _need(classes.dtype == np.intp and classes.shape == (n_outputs,), "a tree's n_classes are not as many as n_outputs")
    _need(bool((classes >= 1).all()) and n_outputs >= 1, "a tree's n_classes are not positive")
    _need(
        type(count) is int and nodes.ndim == 1 and len(nodes) == count >= 1,
        "a tree's node_count is not that of its nodes",
    )
    _need(state["values"].shape == (count, n_outputs, classes.max()), "a tree's values are not as many as its nodes")
    inner = nodes["left_child"] != _LEAF
    _check_descent(nodes["left_child"][inner], nodes["right_child"][inner], np.flatnonzero(inner), count)
    _check_features(nodes["feature"][inner], n_features)


def _check_descent(left: Any, right: Any, owners: Any, count: int) -> None:
    for children in (left, right):
        fits = ((children > owners) & (children < count)).all()
        _need(bool(fits), "the nodes of a tree do not come after their parents")


def _check_features(features: Any, n_features: Any) -> None:
    fits = not len(features) or (features.min() >= 0 and features.max() < n_features)
    _need(bool(fits), f"a tree asks for a feature that is not one of {n_features}")


def check_estimator(estimator: Any) -> None:
    """Make sure that compiled code can be given all that an estimator holds.

    Raises:
        ModelError: it cannot, or it is of a kind that cannot be checked.
    """
    from sklearn.ensemble._bagging import BaseBagging
    from sklearn.ensemble._forest import BaseForest
    from sklearn.ensemble._gb import BaseGradientBoosting
    from sklearn.neighbors._base import NeighborsBase
    from sklearn.svm._base import BaseLibSVM

    for each in _held(estimator):
        if isinstance(each, BaseGradientBoosting):
            raise ModelError(
                f"{type(each).__name__} cannot be checked before it is used; take a Hist{type(each).__name__}"
            )
        if isinstance(each, BaseLibSVM):
            _check_machine(each)
        if isinstance(each, NeighborsBase):
            _check_neighbors(vars(each))
        if type(each).__module__.startswith("scipy.sparse") and hasattr(each, "check_format"):
            each.check_format(full_check=True)
        own = getattr(each, "__dict__", {})
        if "tree_" in own:
            _need(own.get("n_features_in_") == own["tree_"].n_features, "a tree has other features than its estimator")
        if "_predictors" in own:
            _check_predictors(own)
        if isinstance(each, BaseForest | BaseBagging):
            _check_members(own)


def _held(root: Any) -> Iterator[Any]:
    """An object and all that it holds, each once."""
    seen: dict[int, Any] = {}
    stack = [root]
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, str | bytes | int | float | None):
            continue
        seen[id(value)] = value  # kept, so that no other takes its id
        yield value
        if isinstance(value, dict):
            stack.extend(chain(value.keys(), value.values()))
        elif isinstance(value, list | tuple | set | frozenset):
            stack.extend(value)
        elif isinstance(value, np.ndarray):
            stack.extend(value.ravel().tolist() if value.dtype == object else ())
        else:
            stack.extend(getattr(value, "__dict__", {}).values())


def _check_members(own: dict[str, Any]) -> None:
    """Of a forest or of bagging: that each tree was fitted on as many features as it will be given."""
    width, chosen = own.get("n_features_in_", 0), own.get("estimators_features_")
    for number, tree in enumerate(own.get("estimators_", ())):
        given = width if chosen is None else len(chosen[number])
        fits = "tree_" not in vars(tree) or vars(tree).get("n_features_in_") == given <= width
        _need(fits, "a tree has other features than its ensemble")


def _check_predictors(own: dict[str, Any]) -> None:
    """Of histogram gradient boosting: each node, and that the features it calls categorical are."""
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    width = own.get("n_features_in_")
    _need(
        own.get("_preprocessor") is None,
        "a preprocessor may give the trees other features than they ask for; leave categorical_features out",
    )
    categorical = np.asarray(own["_bin_mapper"].is_categorical_) != 0
    _need(categorical.shape == (width,), "is_categorical_ is not of every feature")
    for predictor in chain.from_iterable(own["_predictors"]):
        nodes, bits = predictor.nodes, predictor.raw_left_cat_bitsets
        _need(nodes.dtype == PREDICTOR_RECORD_DTYPE and nodes.ndim == 1 and len(nodes) >= 1, "a tree has odd nodes")
        _need(bits.dtype == np.uint32 and bits.ndim == 2 and bits.shape[1] == 8, "a tree has odd categories")
        inner = nodes["is_leaf"] == 0
        _check_descent(nodes["left"][inner], nodes["right"][inner], np.flatnonzero(inner), len(nodes))
        _check_features(nodes["feature_idx"][inner], width)
        by_category = nodes[inner & (nodes["is_categorical"] != 0)]
        fits = categorical[by_category["feature_idx"]].all() and (by_category["bitset_idx"] < len(bits)).all()
        _need(bool(fits), "a tree asks for categories that are not there")


def _check_machine(machine: Any) -> None:
    """Of libsvm: how many numbers of each kind it is given."""
    own = vars(machine)
    if "support_vectors_" not in own:
        return  # it is not fitted, and says so when it is asked
    vectors, coefficients = own["support_vectors_"], own["_dual_coef_"]
    if own.get("_sparse") is not False or own.get("kernel") == "precomputed" or not isinstance(vectors, np.ndarray):
        raise ModelError(
            f"{type(machine).__name__} on sparse data cannot be checked before it is used; fit it on dense"
        )
    counts, n = own["_n_support"], len(vectors)
    classes = len(counts)
    pairs = classes * (classes - 1) // 2
    _need(vectors.ndim == 2 and vectors.shape[1] == own["n_features_in_"], "support vectors are of other features")
    _need(vectors.dtype == coefficients.dtype == own["_intercept_"].dtype == np.float64, "a machine has odd numbers")
    _need(counts.dtype == own["support_"].dtype == np.int32 and own["support_"].shape == (n,), "support_ is odd")
    _need(coefficients.shape == (classes - 1, n) and coefficients.flags.c_contiguous, "dual coefficients are odd")
    _need(own["_intercept_"].shape == (pairs,), "a machine has other intercepts than pairs of classes")
    if machine._impl in ("c_svc", "nu_svc"):
        _need(bool((counts >= 0).all()) and counts.sum() == n, "_n_support does not divide the support vectors")
    for name in ("_probA", "_probB"):
        given = own[name]
        _need(given.dtype == np.float64 and given.shape in ((0,), (pairs,)), f"{name} is odd")


def _check_neighbors(own: dict[str, Any]) -> None:
    """Of nearest neighbors: that each example has the features of the input, and a class or value of its own."""
    if "_fit_X" not in own:
        return  # it is not fitted, and says so when it is asked
    examples = own["_fit_X"]
    fits = examples.ndim == 2 and examples.dtype.kind in "fiu" and examples.shape[1] == own.get("n_features_in_")
    _need(fits, "neighbors are of other features")
    _need(
        own.get("_fit_method") == "brute",
        "neighbors are in a tree, which cannot be checked before it is used; fit them with algorithm='brute'",
    )
    if "_y" in own:
        _need(np.shape(own["_y"])[:1] == examples.shape[:1], "neighbors are not as many as their classes")
    if "_y" in own and isinstance(own.get("classes_"), np.ndarray):
        numbers = np.asarray(own["_y"])
        known = numbers.dtype.kind in "iu" and (numbers >= 0).all() and (numbers < len(own["classes_"])).all()
        _need(bool(known), "neighbors are of classes that are not there")


def _need(holds: bool, what: str) -> None:
    if not holds:
        raise ModelError(what)
