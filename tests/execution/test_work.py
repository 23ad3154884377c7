"""Questions and answers are JSON, and come back as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.contract.metric import Group, Mistake
from workbench.execution import work
from workbench.execution.memory import machine_memory, private_memory

VALUES: list[Any] = [
    work.Setup("/run", "a.b:C", 2, "cpu", {"surprise@10": "a.b:surprise"}),
    work.Describe("1", "a.b:C", {"users": 3}),
    work.Fit("1", "a.b:C", {"l2": 1.5, "name": None}, 7, "train", "valid", ("ndcg@10", "hit@10"), True, 1.5, "/m"),
    work.Description("1", "", {"l2": 1.0}, {"l2": {"float": [0, 1]}}, ({"l2": 2.0},), ("timestamps",), (1.0, 2.0)),
    work.Description("1", "no such module"),
    work.Report("1", 3, 0.25),
    work.Result("1", "complete", metrics={"ndcg@10": 0.1}, fit_seconds=0.5, peak_memory_bytes=2**40),
    work.Result("1", "complete", groups=(Group("users' activity", "5 known", "hit@10", 0.5, 7),), notes=("no m",)),
    work.Result("1", "complete", mistakes=(Mistake("row 3", "a", "b", 0.5),)),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_message_comes_back_as_it_was(value: Any) -> None:
    assert work.from_message(json.loads(json.dumps(work.to_message(value), allow_nan=False))) == value


@given(st.text(), st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.booleans(), st.none())))
def test_any_text_fits_on_one_line(reason: str, params: dict[str, Any]) -> None:
    for value in (work.Result("1", "failed", reason), work.Fit("1", "a:B", params, 0, "t", "v", ("m",), True)):
        line = json.dumps(work.to_message(value))
        assert "\n" not in line
        assert work.from_message(json.loads(line)) == value


def test_private_memory_is_what_a_process_has_for_itself() -> None:
    import os

    assert 2**20 < private_memory(os.getpid()) < machine_memory() + 2**40
