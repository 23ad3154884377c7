"""Messages are JSON and come back as they were; whatever else is on a pipe is refused in one way."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.contract.metric import Group, Mistake
from workbench.errors import ModelError
from workbench.execution import messages, work
from workbench.execution.messages import EVENTS, ORDERS, MessageError

FIT = work.Fit("1", "a.b:C", {"l2": 1.5, "name": None}, 7, "train", "valid", ("ndcg@10", "hit@10"), True, 1.5, "/m")
WEIGH = work.Weigh("1", ("valid", "valid-1"), (("a", "b"), ("c", "d")), ("ndcg@10",), True)
RESULT = work.Result(
    "1", "complete", metrics={"ndcg@10": 0.1}, intervals={"ndcg@10": (0.0, 0.2)}, peak_memory_bytes=2**40
)
VALUES: list[Any] = [
    work.Setup("/run", "a.b:C", 2, "cpu", {"surprise@10": "a.b:surprise"}),
    work.Describe("1", "a.b:C", {"users": 3}),
    work.Locate("device"),
    FIT,
    replace(FIT, members=({"load": "a:B", "params": {}, "folder": "/f", "weight": 2},), better_than=0.5),
    WEIGH,
    work.Check("1", {"kind": "model"}),
    work.Verdict("1", 3, "enough"),
    work.Description("1", "", {"l2": 1.0}, {"l2": {"float": [0, 1]}}, ({"l2": 2.0},), ("timestamps",), (1.0, 2.0)),
    work.Description("1", "no such module"),
    work.Location("device", "cuda:1"),
    work.Report("1", 3, 0.25),
    RESULT,
    work.Result("1", "complete", groups=(Group("users' activity", "5 known", "hit@10", 0.5, 7),), notes=("no m",)),
    work.Result("1", "complete", mistakes=(Mistake("row 3", "a", "b", 0.5),), temperature=1.5, epochs=3),
    work.Weighed("1", "", (2, 0), {"ndcg@10": 0.5}, {}, None, (0.5, 0.25), True, 1.0),
    work.Checked("1", {"offered": {"model": ["a"]}}),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_message_comes_back_as_it_was(value: Any) -> None:
    assert messages.from_line(messages.to_line(value), {**EVENTS, **ORDERS}) == value


@given(st.text(), st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.booleans(), st.none())))
def test_any_text_fits_on_one_line(reason: str, params: dict[str, Any]) -> None:
    for value in (work.Result("1", "failed", reason), work.Fit("1", "a:B", params, 0, "t", "v", ("m",), True)):
        line = messages.to_line(value)
        assert line.count(b"\n") == 1 and line.endswith(b"\n")
        assert messages.from_line(line, {**EVENTS, **ORDERS}) == value


def changed(**values: Any) -> str:
    """A good result, but for some of its fields; None takes one away."""
    document = json.loads(messages.to_line(RESULT))
    document.update(values)
    return json.dumps({name: value for name, value in document.items() if value != "gone"})


WRONG = [
    "",
    "{}",
    "[1,2]",
    "1",
    "null",
    "some log line of a C library",
    "\x00",
    '{"kind": "Nothing"}',
    '{"kind": ["Result"]}',
    '{"kind": "Report", "what": 1}',
    '{"kind": "Report", "id": "1", "step": -1, "value": 0.5}',
    '{"kind": "Report", "id": "1", "step": 2147483648, "value": 0.5}',
    '{"kind": "Report", "id": "1", "step": 1.0, "value": 0.5}',
    '{"kind": "Report", "id": "1", "step": true, "value": 0.5}',
    '{"kind": "Report", "id": "1", "step": 1, "value": NaN}',
    '{"kind": "Report", "id": "1", "step": 1, "value": -Infinity}',
    '{"kind": "Report", "id": "1", "step": 1, "value": 1e999}',
    '{"kind": "Report", "id": "1", "step": 1, "value": 1' + "0" * 400 + "}",
    '{"kind": "Report", "id": "1", "step": 1, "value": 1' + "0" * 5_000 + "}",
    '{"kind": "Report", "id": 1, "step": 1, "value": 0.5}',
    "[" * 60_000,
    '{"a":' * 60_000,
    '{"kind": "Description", "id": "1", "hyperparameters": {"x": ' + "[" * 100 + "]" * 100 + "}}",
    '{"kind": "Setup", "folder": "/", "task": "a:B", "threads": 1, "device": "cpu"}',
    json.dumps({**json.loads(messages.to_line(FIT))}),
    changed(state="done"),
    changed(metrics=[]),
    changed(metrics={"ndcg@10": "0.5"}),
    changed(intervals={"ndcg@10": [0.1]}),
    changed(groups=[{"by": "a"}]),
    changed(mistakes=["row 3"]),
    changed(epochs=2**40),
    changed(temperature=0.0),
    changed(fit_seconds=-1.0),
    changed(peak_memory_bytes=2**63),
    changed(state="gone"),
    changed(more=1),
]


@pytest.mark.parametrize("line", WRONG, ids=lambda line: line[:50])
def test_what_is_no_message_of_a_worker_is_refused_with_its_beginning(line: str) -> None:
    with pytest.raises(MessageError) as refused:
        messages.from_line(line.encode() + b"\n", EVENTS)
    said = str(refused.value)
    assert len(said) < 300 and said.isprintable()
    assert said.endswith(line[: messages.QUOTED] + "..." * (len(line) > messages.QUOTED)) or not line.isprintable()


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@given(st.sampled_from([value for value in VALUES if type(value).__name__ in EVENTS]), st.data())
def test_a_message_with_any_field_changed_is_read_or_refused(value: Any, data: st.DataObject) -> None:
    document = json.loads(messages.to_line(value))
    document[data.draw(st.sampled_from([*document, "more"]))] = data.draw(JSON)
    try:
        read = messages.from_line(json.dumps(document).encode(), EVENTS)
    except MessageError:
        return
    assert messages.from_line(messages.to_line(read), EVENTS) == read


@given(st.binary(max_size=50))
def test_any_bytes_are_read_or_refused(line: bytes) -> None:
    with pytest.raises(MessageError):
        messages.from_line(line, EVENTS)


def test_a_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "LONGEST_LINE", 10)
    assert list(messages.lines(io.BytesIO(b"123456789\n\nab\ncut"))) == [b"123456789\n", b"\n", b"ab\n"]
    read = messages.lines(io.BytesIO(b"12\n" + b"x" * 100))
    assert next(read) == b"12\n"
    with pytest.raises(MessageError, match="longer than 0 MiB: xxxxxxxxxx"):
        next(read)


@pytest.mark.parametrize(
    ("question", "event"),
    [
        (FIT, work.Description("1", "no")),
        (FIT, work.Weighed("1", "no")),
        (FIT, replace(RESULT, metrics={"hit@10": 0.5})),
        (FIT, replace(RESULT, folds=(0.5, 0.6))),
        (replace(FIT, folds=3), RESULT),
        (WEIGH, work.Weighed("1", "", (1,), {"ndcg@10": 0.5}, draws=(0.5, 0.5))),
        (WEIGH, work.Weighed("1", "", (0, 0), {"ndcg@10": 0.5}, draws=(0.5, 0.5))),
        (WEIGH, work.Weighed("1", "", (1, 0), {"ndcg@10": 0.5}, draws=(0.5,))),
        (WEIGH, work.Weighed("1", "", (1, 0), {}, draws=(0.5, 0.5))),
        (work.Describe("1", "a:B", {}), work.Location("1", "cpu")),
        (work.Describe("1", "a:B", {}), work.Description("1", space={"x": {"kind": "int", "low": "a"}})),
        (work.Describe("1", "a:B", {}), work.Description("1", space={"x": {"kind": "float", "low": 2, "high": 1}})),
        (work.Locate("1"), RESULT),
    ],
)
def test_a_sound_message_that_answers_another_question_is_refused(question: Any, event: Any) -> None:
    with pytest.raises(MessageError):
        messages.check_answer(question, event)


def test_answers_to_what_was_asked_pass() -> None:
    messages.check_answer(FIT, RESULT)
    messages.check_answer(FIT, work.Result("1", "failed", "why"))
    messages.check_answer(FIT, work.Report("1", 1, 0.5))
    messages.check_answer(replace(FIT, folds=2), replace(RESULT, folds=(0.5, 0.6)))
    messages.check_answer(WEIGH, work.Weighed("1", "", (1, 0), {"ndcg@10": 0.5}, draws=(0.5, 0.5)))
    messages.check_answer(WEIGH, work.Weighed("1", "nobody can"))


@pytest.mark.parametrize("value", [10**400, "a\0b", "a\ud800", ["x", {"\0": 1}], float("inf"), [[[["\udc00"]]]]])
def test_what_a_database_would_change_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ModelError, match=r"^C\.x "):
        messages.check_storable(value, "C.x")


@pytest.mark.parametrize("value", [2**70, "é\x1b[31m\n", None, True, [1, "a", {"b": (2.5, None)}]])
def test_what_a_database_keeps_passes(value: Any) -> None:
    messages.check_storable(value, "C.x")
