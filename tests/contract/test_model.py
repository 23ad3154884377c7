"""A model's annotated fields are its hyperparameters; what it learns is none."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.contract.context import Context
from workbench.contract.model import Model
from workbench.errors import ModelError
from workbench.space import Float, Int


class Base(Model):
    """A model with every kind of attribute."""

    l2: float = 500.0
    layers: tuple[int, ...] = (64, 32)
    words: list[str] = dataclasses.field(default_factory=lambda: ["a"])

    learned_: np.ndarray
    space = {"l2": Float(1, 1000, log=True)}
    needs = {"timestamps"}
    starts = ({"l2": 5.0},)


class Child(Base):
    """A model that adds a field to another's."""

    steps: int = 3
    space = {**Base.space, "steps": Int(1, 9)}


class Forgetful(Model):
    """A model with a field that has no default."""

    factors: int


def test_annotated_fields_are_the_hyperparameters() -> None:
    assert Base.hyperparameters() == {"l2": 500.0, "layers": (64, 32), "words": ["a"]}
    assert Child.hyperparameters() == {**Base.hyperparameters(), "steps": 3}
    assert Model.hyperparameters() == {}
    assert Base.__annotations__.keys() == {"l2", "layers", "words", "learned_"}


def test_a_model_is_built_from_some_of_its_hyperparameters() -> None:
    built = Child.build({"steps": 7, "l2": 2.0})
    assert isinstance(built, Child)
    assert (built.l2, built.steps, built.layers) == (2.0, 7, (64, 32))
    assert repr(built).endswith("Child(l2=2.0, layers=(64, 32), words=['a'], steps=7)")


def test_a_name_that_is_no_hyperparameter_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelError, match=r"^Child has no hyperparameter 'l3'; it has l2, layers, words, steps$"):
        Child.build({"l2": 1.0, "l3": 1.0})
    with pytest.raises(ModelError, match=r"^Base has no hyperparameter 'learned_'"):
        Base.build({"learned_": 1})


def test_a_hyperparameter_without_default_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"^Forgetful\.factors has no default; every hyperparameter needs one$"):
        Forgetful.hyperparameters()


def test_two_models_with_equal_hyperparameters_are_two() -> None:
    first, second = Base.build({}), Base.build({})
    assert first != second
    assert len({first, second}) == 2
    assert first.words is not second.words  # type: ignore[attr-defined]


def test_defaults_of_the_contract() -> None:
    shape = {"users": 1, "items": 1, "interactions": 1}
    assert Child.space_for(shape) is Child.space
    assert Child.estimate(shape) is None
    assert (Model.space, tuple(Model.starts), set(Model.needs)) == ({}, (), set())
    with pytest.raises(NotImplementedError, match="Child does not say how to fit"):
        Child.build({}).fit(None, Context())


def test_save_and_restore_carry_what_was_learned_and_nothing_else(tmp_path: Path) -> None:
    fitted: Any = Child.build({"steps": 7})
    fitted.learned_ = np.arange(3, dtype=np.float32)
    fitted.scratch = "not stored"
    fitted.save(tmp_path)
    restored: Any = Child.build({"steps": 8})
    restored.restore(tmp_path)
    assert restored.learned_.tolist() == [0, 1, 2]
    assert restored.steps == 8
    assert not hasattr(restored, "scratch")
