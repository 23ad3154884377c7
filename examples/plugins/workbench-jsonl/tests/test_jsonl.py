"""The file has a line for each trial and one for the run; nothing is missed."""

import json
from pathlib import Path

import pytest

import workbench


def test_a_run_is_told_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trials.jsonl"
    monkeypatch.setenv("WORKBENCH_JSONL", str(path))
    data = tmp_path / "taken.csv"
    rows = [f"u{n % 20},i{(n // 20 * 3 + n % 20) % 31}" for n in range(200)]
    data.write_text("\n".join(["user,item", *rows, ""]))
    result = workbench.run(
        "recommend", data, db=f"sqlite:///{tmp_path}/w.db", trials=2, models="popular,ease", workers=1
    )
    assert result.summary["note"] == ""
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert [event["event"] for event in events] == ["trial", "trial", "run"]
    assert [event["trial"]["model"] for event in events[:2]] == ["popular", "ease"]
    assert {event["run"]["run"] for event in events} == {result.summary["run"]}
    assert events[-1]["run"]["finalists"][0]["id"].startswith(result.best["trial"])


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import workbench_jsonl

    monkeypatch.delenv("WORKBENCH_JSONL", raising=False)
    monkeypatch.chdir(tmp_path)
    workbench_jsonl._append({"event": "run"})
    assert list(tmp_path.iterdir()) == []
