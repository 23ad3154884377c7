"""One model's search: what it asks for, in which order, and that it never asks twice."""

from __future__ import annotations

import pytest

from workbench.errors import SettingsError
from workbench.execution.work import Description
from workbench.search.study import ModelStudy
from workbench.search.trial import canonical
from workbench.space import Choice, Float, Int, When, to_json

SPACE = {
    "kind": Choice("plain", "fancy"),
    "size": Int(1, 100, log=True),
    **When("kind", "fancy", {"extra": Float(0.1, 10, log=True)}),
}
DESCRIPTION = Description(
    "m",
    hyperparameters={"kind": "plain", "size": 10, "extra": 1.0, "outside": 7},
    space=to_json(SPACE),
    starts=({"size": 20}, {"kind": "fancy", "extra": 5.0}),
)


def study(fixed: dict[str, object] | None = None, seed: int = 0) -> ModelStudy:
    return ModelStudy("m", DESCRIPTION, fixed or {}, seed)


def test_defaults_come_first_then_the_starts() -> None:
    asked = [study().ask() for _ in range(1)]
    one = study()
    asked = [one.ask() for _ in range(3)]
    assert asked == [
        {"kind": "plain", "size": 10, "extra": 1.0, "outside": 7},
        {"kind": "plain", "size": 20, "extra": 1.0, "outside": 7},
        {"kind": "fancy", "size": 10, "extra": 5.0, "outside": 7},
    ]


def test_what_is_asked_lies_in_the_space_and_is_never_asked_twice() -> None:
    one = study()
    seen = set()
    for number in range(40):
        params = one.ask()
        assert params is not None
        assert SPACE["size"].contains(params["size"])
        assert params["outside"] == 7
        if params["kind"] == "plain":
            assert params["extra"] == 1.0, "a hyperparameter that does not count keeps its default"
        assert canonical(params) not in seen
        seen.add(canonical(params))
        one.tell(params, -abs(params["size"] - 50) if number % 5 else None)


def test_it_learns_where_the_best_values_are() -> None:
    description = Description("m", hyperparameters={"x": 0.1}, space=to_json({"x": Float(0, 1)}))
    one = ModelStudy("m", description, {}, seed=1)
    found = []
    for _ in range(40):
        params = one.ask()
        assert params is not None
        one.tell(params, -((params["x"] - 0.7) ** 2))
        found.append(abs(params["x"] - 0.7))
    near = sum(distance < 0.1 for distance in found[10:])
    assert near >= 12, "drawn evenly, six of thirty would be so near"


def test_equal_seeds_ask_equally_and_others_differ() -> None:
    def first(seed: int) -> list[object]:
        one = study(seed=seed)
        asked = []
        for _ in range(8):
            params = one.ask()
            assert params is not None
            one.tell(params, params["size"])
            asked.append(params)
        return asked

    assert first(3) == first(3)
    assert first(3) != first(4)


def test_fixed_hyperparameters_are_held() -> None:
    one = study({"size": 33})
    assert {(one.ask() or {})["size"] for _ in range(5)} == {33}
    with pytest.raises(SettingsError, match="has no hyperparameter 'sise'"):
        study({"sise": 3})


def test_a_model_without_hyperparameters_is_asked_once() -> None:
    one = ModelStudy("popular", Description("popular"), {}, seed=0)
    assert one.ask() == {}
    assert one.ask() is None
    assert one.exhausted


def test_a_small_space_is_exhausted() -> None:
    description = Description("m", hyperparameters={"k": 1}, space=to_json({"k": Int(1, 3)}))
    one = ModelStudy("m", description, {}, seed=0)
    asked = []
    while (params := one.ask()) is not None:
        asked.append(params["k"])
        one.tell(params, float(params["k"]))
    assert sorted(asked) == [1, 2, 3]


def test_a_study_that_is_told_a_run_goes_on_as_the_one_that_was_lost() -> None:
    def objective(params: dict[str, object]) -> float | None:
        return None if params["size"] == 20 else -abs(float(str(params["size"])) - 50) / 50

    whole, told = study(seed=5), []
    for _ in range(30):
        params = whole.ask()
        assert params is not None
        whole.tell(params, objective(params))
        told.append(params)
    for known in (0, 1, 2, 7, 18):
        again = study(seed=5)
        for params in told[:known]:
            again.tell(params, objective(params))
        for expected in told[known:]:
            params = again.ask()
            assert params == expected, known
            again.tell(params, objective(params))


def test_what_is_tried_unasked_is_not_asked_for() -> None:
    one = study()
    one.claim({"kind": "plain", "size": 10, "extra": 1.0, "outside": 7})
    assert one.ask() == {"kind": "plain", "size": 20, "extra": 1.0, "outside": 7}


def test_trials_of_another_space_are_known_and_teach_what_they_can() -> None:
    """As of another version of the plugin."""
    one = study()
    one.tell({"kind": "gone", "size": 10, "extra": 1.0}, 0.5)
    one.tell({"kind": "plain", "size": 10_000, "extra": 1.0, "outside": 7}, 0.5)
    assert one.ask() is not None


def test_every_setting_of_a_small_space_is_found() -> None:
    description = Description("m", hyperparameters={"x": 1}, space=to_json({"x": Int(1, 6)}))
    one = ModelStudy("m", description, {}, seed=1)
    found = []
    while (params := one.ask()) is not None:
        found.append(params["x"])
        one.tell(params, float(params["x"]))
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    assert one.exhausted


def test_what_is_put_back_comes_first_and_is_not_lost() -> None:
    one = study()
    first = one.ask()
    assert first is not None
    one.put_back(first)
    assert one.ask() == first
    second = one.ask()
    assert second is not None and second != first


def test_a_study_that_is_told_pruned_trials_goes_on_as_the_one_that_was_lost() -> None:
    whole, told = study(), study()
    for number in range(12):
        params = whole.ask()
        assert params is not None
        told.claim(params)
        gave = (None, (number, params["size"] / 100)) if number % 2 else (params["size"] / 100, None)
        for each in (whole, told):
            each.tell(params, *gave)
    told._starts.clear()  # it has been told what became of them
    assert [whole.ask() for _ in range(3)] == [told.ask() for _ in range(3)]
