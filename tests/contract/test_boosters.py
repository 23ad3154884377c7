"""LightGBM models are read only where they are exactly what LightGBM writes."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from workbench.contract.boosters import check_booster
from workbench.errors import ModelError

lightgbm = pytest.importorskip("lightgbm")


@pytest.fixture(scope="module")
def text() -> str:
    by_category = {"min_data_per_group": 5, "cat_smooth": 1, "max_cat_to_onehot": 1, "min_data_in_leaf": 3}
    return written({"objective": "multiclass", "num_class": 3, **by_category}, categorical_feature=[0])


def written(params: dict[str, object], constant: bool = False, **data: object) -> str:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(200, 4))
    numbers[:, 0] = rng.integers(0, 9, 200)
    target = np.ones(200) if constant else (numbers[:, 1] > 0) * 1.0 + (numbers[:, 0] > 4)
    train = lightgbm.Dataset(numbers, target, **data)
    return str(lightgbm.train({"verbose": -1, "num_threads": 1, **params}, train, 4).model_to_string())


@pytest.mark.parametrize(
    ("params", "data"),
    [
        ({"objective": "multiclass", "num_class": 3}, {"categorical_feature": [0]}),
        ({"objective": "regression", "linear_tree": True}, {}),
        ({"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, {}),
        ({"objective": "huber", "boosting": "dart"}, {}),
        ({"objective": "binary"}, {"constant": True}),
        ({"objective": "regression", "monotone_constraints": [0, 1, 0, 0]}, {}),
    ],
)
def test_what_lightgbm_writes_is_let_through(params: dict[str, object], data: dict[str, object]) -> None:
    check_booster(written(params, **data))


def sized(text: str) -> str:
    """The same with sizes of trees that fit: else all that is found is that these do not."""
    head, _, rest = text.partition("\n\n")
    trees, _, after = rest.partition("end of trees\n")
    parts = [f"Tree={part}" for part in trees.split("Tree=")[1:]]
    head = re.sub("tree_sizes=.*", "tree_sizes=" + " ".join(str(len(part)) for part in parts), head)
    return f"{head}\n\n{''.join(parts)}end of trees\n{after}"


CHANGES: dict[str, Callable[[str], str]] = {
    "split_feature": lambda text: re.sub(r"split_feature=\d+", "split_feature=2000000000", text),
    "left_child": lambda text: re.sub(r"left_child=-?\d+", "left_child=1500000000", text),
    "right_child": lambda text: re.sub(r"right_child=-?\d+", "right_child=-4000", text),
    "leads back": lambda text: re.sub(r"left_child=([^\n]+)", lambda m: "left_child=" + "0 " * len(m[1].split()), text),
    "num_leaves": lambda text: re.sub(r"num_leaves=\d+", "num_leaves=-5", text),
    "has 1 values": lambda text: re.sub(r"leaf_value=[^\n]+", "leaf_value=1", text),
    "threshold": lambda text: re.sub(r"num_cat=\d+", "num_cat=0", re.sub("cat_[a-z]+=.*\n", "", text)),
    "cat_boundaries": lambda text: re.sub(r"cat_boundaries=0 \d+", "cat_boundaries=0 9000", text),
    "max_feature_idx": lambda text: re.sub(r"max_feature_idx=\d+", "max_feature_idx=2147483640", text),
    "num_class": lambda text: re.sub(r"\nnum_class=\d+", "\nnum_class=2147483647", text),
    "objective": lambda text: text.replace("objective=multiclass num_class:3", "objective=multiclass num_class:4000"),
    "no number": lambda text: re.sub(r"leaf_value=\S+", "leaf_value=1_0", text),
    "no text": lambda text: text.replace("num_cat", "\0num_cat", 1),
    "not where one of that name": lambda text: text.replace("shrinkage=", "leaf_value=1\nshrinkage=", 1),
    "is missing": lambda text: re.sub("split_gain=.*\n", "", text, count=1),
    "what follows": lambda text: text.replace("end of trees", "Tree=99", 1),
}


@pytest.mark.parametrize("said", CHANGES)
def test_what_would_lead_out_of_its_memory_is_refused(text: str, said: str) -> None:
    changed = CHANGES[said](text)
    assert changed != text
    with pytest.raises(ModelError, match=f"a LightGBM model is damaged: .*{said}"):
        check_booster(sized(changed) if said != "what follows" else changed)


@pytest.mark.parametrize("share", [0, 3, 50, 90])
def test_a_model_that_was_cut_short_is_refused(text: str, share: int) -> None:
    with pytest.raises(ModelError, match="a LightGBM model is damaged"):
        check_booster(text[: text.index("end of trees") * share // 100])


def test_sizes_that_lie_are_refused(text: str) -> None:
    with pytest.raises(ModelError, match="tree_sizes of tree 0 is 99999999999"):
        check_booster(re.sub(r"tree_sizes=\d+", "tree_sizes=99999999999", text))
