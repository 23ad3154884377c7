"""JSON lines and arrays of objects: values as they are, depth bounded, faults at their lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.contract.task import Source
from workbench.data.tables import RawTable, read_table
from workbench.errors import DataError


@pytest.fixture
def lines(write: Callable[..., Path]) -> Callable[..., RawTable]:
    """Reads the content of a file."""

    def read(content: str | bytes, name: str = "r.jsonl") -> RawTable:
        path = write(content, name)
        return read_table(path, Source(path))

    return read


GOOD = '{"user": "a", "x": 1}\n' * 50

DEEP = {
    "arrays": '{"user": "a", "x": ' + "[" * 20_000 + "]" * 20_000 + "}",
    "objects": '{"a":' * 101 + "1" + "}" * 101,
    "open": "[" * 200_000,
    "far apart": '{"k":' + '[ "[[", ' * 5 + "[" * 120,
}


@pytest.mark.parametrize("deep", DEEP.values(), ids=DEEP)
def test_lines_that_nest_too_deep_are_refused(lines: Callable[..., RawTable], deep: str) -> None:
    for content, line in ((f"{GOOD}{deep}\n{GOOD}", 51), (deep, 1)):
        with pytest.raises(DataError, match=f"r.jsonl, line {line}: more than 100 brackets are open at once"):
            lines(content)


def test_a_value_on_several_lines_nests_nothing(lines: Callable[..., RawTable]) -> None:
    with pytest.raises(DataError, match=r"r.jsonl, line 1: not JSON: a text or bracket is not closed on this line"):
        lines('{"a":\n[\n[\n')
    with pytest.raises(DataError, match=r"r.jsonl, line 2: not JSON"):
        lines('{"a": 1}\n]{"a": [2}\n')
    with pytest.raises(DataError, match=r"line 1: not JSON"):
        lines('{"a": "}\n[{"b": "}\n')


def test_brackets_and_quotes_within_texts_are_letters(lines: Callable[..., RawTable]) -> None:
    texts = ["[" * 500, '"' + "{" * 500, "\\", '\\\\"[', "x\\", 'a"b', "}" * 300, ""]
    content = "".join(json.dumps({"a": text, "b": [text]}) + "\n" for text in texts)
    assert lines(content).columns["a"].to_pylist() == texts
    assert lines(f"[{','.join(content.splitlines())}]", "r.json").columns["a"].to_pylist() == texts


def test_whole_numbers_stay_exact(lines: Callable[..., RawTable]) -> None:
    large = [9223372036854775901, 100000000000000000006, -5]
    content = "".join(json.dumps({"user": number, "x": number + 0.5}) + "\n" for number in large)
    read = lines(content).columns
    assert read["user"].to_pylist() == [str(number) for number in large]
    assert read["x"].to_pylist() == [number + 0.5 for number in large]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"user": "a", "user": "b", "x": 1}', "'user' stands twice"),
        ('{"user": "a", "x": 1', "not closed"),
        ('{"user": "a", "x": 01}', "not JSON in UTF-8"),
        ('{"user": "\xff"}'.encode("latin-1"), "not JSON in UTF-8"),
    ],
)
def test_a_faulty_line_is_named(lines: Callable[..., RawTable], line: str | bytes, said: str) -> None:
    content = line if isinstance(line, bytes) else line.encode()
    with pytest.raises(DataError, match=f"^r.jsonl, line 51: .*{said}"):
        lines(GOOD.encode() + content + b"\n")


def test_an_array_of_objects_is_read(lines: Callable[..., RawTable], tmp_path: Path) -> None:
    objects = [{"user": "a,\nb", "x": [1, 2]}, {"user": "]", "x": []}]
    for name in ("r.json", "r.unknown"):
        read = lines("\ufeff" + json.dumps(objects, indent=2), name)
        assert read.columns.to_pylist() == objects
        assert read.where(1) == "element 2"
    assert lines("".join(json.dumps(each) + "\n" for each in objects), "r.json").columns.to_pylist() == objects
    for broken in ('[{"a": 1}', '[{"a": 1}] x', '[{"a": 1}][{"a": 2}]', '[{"a": "1}]'):
        with pytest.raises(DataError, match=r"r.json: not one whole JSON array"):
            lines(broken, "r.json")
    with pytest.raises(DataError, match=r"r.json, element 2: not a JSON object"):
        lines('[{"a": 1}, 5]', "r.json")
    with pytest.raises(DataError, match=r"more than 100 brackets"):
        lines('[{"a":' + "[" * 20_000 + "]" * 20_000 + "}]", "r.json")


@settings(max_examples=40)
@given(st.lists(st.fixed_dictionaries({"a": st.text(max_size=6), "b": st.lists(st.text('[]{}"\\', max_size=4))})))
def test_what_json_writes_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> None:
    path = tmp_path_factory.mktemp("json") / "r.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if rows:
        assert read_table(path, Source(path)).columns.to_pylist() == rows


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(b'[]{}"\\,: \n0a\xff')), min_size=1, max_size=5))
def test_damaged_lines_are_a_table_or_refused(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    content = bytearray(b'{"a": "x\\"y", "b": [1, 2]}\n' * 8)
    for place, byte in damage:
        content[place % len(content)] = byte
    path = tmp_path_factory.mktemp("damage") / "r.jsonl"
    path.write_bytes(content)
    try:
        assert read_table(path, Source(path)).columns.num_rows
    except DataError as error:
        assert "r.jsonl" in str(error)


def test_each_line_is_one_object(lines: Callable[..., RawTable]) -> None:
    with pytest.raises(DataError, match=r"r.jsonl, line 2: not JSON in UTF-8 \(Extra data\)"):
        lines('{"a": 1}\n{"a": 2}{"a": 3}\n')
    table = lines('\ufeff\n{"a": 1}\r\n \r\n{"a": 2}')
    assert table.columns.to_pylist() == [{"a": 1}, {"a": 2}]
    assert table.where(1) == "line 4"


@pytest.mark.parametrize(
    "content",
    ['[{"a": 1},, {"a": 2}]', '[{"a": 1}, ]', '[{"a": 1} {"a": 2}]', '[{"a": "x\ny"}]', '[{"a": "x\ry"}]'],
)
def test_what_json_does_not_allow_in_an_array_is_refused(lines: Callable[..., RawTable], content: str) -> None:
    with pytest.raises(DataError, match=r"r.json: not one whole JSON array"):
        lines(content, "r.json")
    assert lines('[{"a": 1},\r\n\n{"a": 2}]\n', "r.json").columns.to_pylist() == [{"a": 1}, {"a": 2}]
