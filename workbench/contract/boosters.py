"""LightGBM models as text, checked before LightGBM reads them, which does not check the numbers itself.

A model is let through only if it is exactly as LightGBM writes it: every line is known, every list as long as the
numbers of leaves and features say, and every tree is a tree, whose nodes come after their parents.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ModelError

DEEPEST = 5_000
"""Levels that a tree may have; LightGBM goes down them by recursion."""

_HEADER = ("version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "feature_names",
           "feature_infos", "tree_sizes")  # fmt: skip
_HEADER_OPTIONAL = {"objective", "average_output", "monotone_constraints"}

_PER_SPLIT = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
              "internal_value", "internal_weight", "internal_count")  # fmt: skip
_PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
_LINEAR = {"leaf_const", "num_features", "leaf_features", "leaf_coeff"}
_CATEGORICAL = {"cat_boundaries", "cat_threshold"}
_COUNTED_IN = {"split_feature", "decision_type", "left_child", "right_child", "num_features", "leaf_features",
               "cat_boundaries", "cat_threshold"}  # fmt: skip
_NUMBERS = re.compile(r"[-+.0-9einfa ]*")


def check_booster(text: str) -> None:
    """Make sure that LightGBM can be given a model.

    Args:
        text: as `Booster.model_to_string` writes it.

    Raises:
        ModelError: it cannot; says where the model is damaged.
    """
    try:
        _check(text)
    except (ValueError, OverflowError, KeyError, IndexError) as error:
        raise ModelError(f"a LightGBM model is damaged: {error}") from error


def _check(text: str) -> None:
    _need(all(char == "\n" or char.isprintable() for char in set(text)), "it holds characters that are no text")
    head, _, rest = text.partition("\n\n")
    first, *lines = head.split("\n")
    _need(first == "tree", "it does not begin with 'tree'")
    header = _pairs(lines, {*_HEADER, *_HEADER_OPTIONAL}, _HEADER)
    features, outputs = _count(header, "max_feature_idx") + 1, _count(header, "num_class")
    for name in ("feature_names", "feature_infos"):
        _need(len(header[name].split(" ")) == features, f"{name} are not {features}")
    if header.get("monotone_constraints"):
        _need(len(_numbers(header, "monotone_constraints")) == features, "monotone_constraints are not as many")
    sizes = [int(size) for size in header["tree_sizes"].split()]
    _need(outputs == _count(header, "num_tree_per_iteration"), "num_class is not num_tree_per_iteration")
    _need(0 < outputs <= max(1, len(sizes)) and len(sizes) % outputs == 0, f"{len(sizes)} trees for {outputs} outputs")
    _check_objective(header.get("objective", ""), outputs)
    content, start = rest.encode(), 0
    for number, size in enumerate(sizes):
        _need(0 < size <= len(content) - start, f"tree_sizes of tree {number} is {size}")
        _check_tree(content[start : start + size].decode(), number, features)
        start += size
    after = content[start:].decode()
    _need(after.startswith("end of trees\n") and "\nTree=" not in after, "what follows the trees is something else")


def _check_objective(objective: str, outputs: int) -> None:
    """Probabilities of several classes are made in place, as many as the objective says."""
    name, *settings = objective.split(" ")
    said = [int(each.partition(":")[2]) for each in settings if each.startswith("num_class:")]
    _need(all(number == outputs for number in said), "objective has another num_class")
    several = name.startswith("multiclass")
    _need(len(said) == several and (several or name in ("", "custom") or outputs == 1), "objective has no num_class")


def _check_tree(text: str, number: int, features: int) -> None:
    _need(
        text.startswith(f"Tree={number}\n") and text.endswith("\n\n\n"), f"tree {number} is not where it is said to be"
    )
    where = f"of tree {number}"
    lines = text[:-3].split("\n")[1:]
    needed = {"num_leaves", "num_cat", "is_linear", "shrinkage", *_PER_SPLIT, *_PER_LEAF}
    tree = _pairs(lines, needed | _LINEAR | _CATEGORICAL, needed)
    leaves, splits = _count(tree, "num_leaves"), _count(tree, "num_leaves") - 1
    _need(leaves >= 1, f"num_leaves {where} is {leaves}")
    found = {name: _numbers(tree, name) for name in tree.keys() - {"num_leaves", "num_cat", "is_linear", "shrinkage"}}
    for names, length in ((_PER_SPLIT, splits), (_PER_LEAF, leaves)):
        for name in names:
            # A single leaf may do without what no prediction needs.
            optional = splits == 0 and name != "leaf_value" and not len(found[name])
            _need(len(found[name]) == length or optional, f"{name} {where} has {len(found[name])} values, not {length}")
    _within(found["split_feature"], 0, features, f"split_feature {where}")
    _check_children(found["left_child"], found["right_child"], leaves, where)
    _check_categories(tree, found, where)
    _need(tree["is_linear"] in ("0", "1"), f"is_linear {where} is {tree['is_linear']!r}")
    if tree["is_linear"] == "1":
        _need(tree.keys() >= _LINEAR, f"what makes it linear {where} is missing")
        counts = found["num_features"]
        _within(counts, 0, features + 1, f"num_features {where}")
        _within(found["leaf_features"], 0, features, f"leaf_features {where}")
        lengths = len(found["leaf_const"]), len(counts), len(found["leaf_features"]), len(found["leaf_coeff"])
        _need(lengths == (leaves, leaves, counts.sum(), counts.sum()), f"leaf_coeff {where} are not as many")


def _check_categories(tree: dict[str, str], found: dict[str, NDArray[Any]], where: str) -> None:
    """A split by categories names, by its threshold, a range of bits."""
    many = _count(tree, "num_cat")
    by_category = (found["decision_type"] & 1) == 1
    _within(found["decision_type"], 0, 16, f"decision_type {where}")
    _need(tree.keys() >= _CATEGORICAL if many else not tree.keys() & _CATEGORICAL, f"num_cat {where} is {many}")
    chosen = found["threshold"][by_category]
    _need(bool(((chosen >= 0) & (chosen < many)).all()), f"threshold {where} names a category that is not there")
    if many:
        bounds, bits = found["cat_boundaries"], found["cat_threshold"]
        _within(bits, 0, 2**32, f"cat_threshold {where}")
        fits = len(bounds) == many + 1 and bounds[0] == 0 and bounds[-1] == len(bits) and (np.diff(bounds) >= 0).all()
        _need(bool(fits), f"cat_boundaries {where} do not divide cat_threshold")


def _check_children(left: NDArray[Any], right: NDArray[Any], leaves: int, where: str) -> None:
    """Make sure that splits make one tree: each but the first, and each leaf ~child, is the child of one before it.

    Raises:
        ValueError: they do not.
    """
    splits, parents = len(left), np.arange(len(left))
    children, owners = np.concatenate([left, right]), np.concatenate([parents, parents])
    _within(children, -leaves, splits, f"left_child or right_child {where}")
    inner = children >= 0
    _need(bool((children[inner] > owners[inner]).all()), f"left_child or right_child {where} leads back")
    seen = np.bincount(children[inner], minlength=splits), np.bincount(~children[~inner], minlength=leaves)
    once = (seen[0][1:] == 1).all() and (splits == 0 or (seen[1] == 1).all())
    _need(bool(once), f"left_child or right_child {where} do not make a tree")
    level, reached = np.zeros(min(1, splits), dtype=np.int64), 0
    while len(level):
        level = np.concatenate([left[level], right[level]])
        level, reached = level[level >= 0], reached + 1
        _need(reached <= DEEPEST, f"left_child {where} goes deeper than {DEEPEST} levels")


def _pairs(lines: list[str], known: set[str], needed: Any) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        _need(name in known and name not in pairs, f"line {line[:40]!r} is not where one of that name belongs")
        pairs[name] = value
    _need(pairs.keys() >= set(needed), f"{', '.join(sorted(set(needed) - pairs.keys()))} is missing")
    return pairs


def _count(pairs: dict[str, str], name: str) -> int:
    _need(re.fullmatch(r"\d{1,9}", pairs[name]) is not None, f"{name} is {pairs[name][:40]!r}")
    return int(pairs[name])


def _numbers(pairs: dict[str, str], name: str) -> NDArray[Any]:
    _need(_NUMBERS.fullmatch(pairs[name]) is not None, f"{name} holds something that is no number")
    return np.array(pairs[name].split(), dtype=np.int64 if name in _COUNTED_IN else np.float64)


def _within(numbers: NDArray[Any], low: int, high: int, what: str) -> None:
    _need(
        not len(numbers) or (low <= numbers.min() and numbers.max() < high), f"{what} is not from {low} to {high - 1}"
    )


def _need(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
