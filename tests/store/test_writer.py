"""What a run writes: all of a thing or nothing, and nothing that a database stumbles over."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.conftest import begin
from workbench.errors import StoreError
from workbench.store import queries, schema
from workbench.store.database import Database
from workbench.store.rows import FinalistRow, ModelRow, RunRow
from workbench.store.writer import RunWriter


def rows(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


@pytest.fixture
def transactions(database: Database) -> list[str]:
    """Fills with what ended a transaction, one word each."""
    ended: list[str] = []
    sa.event.listen(database.engine, "commit", lambda _: ended.append("commit"))
    sa.event.listen(database.engine, "rollback", lambda _: ended.append("rollback"))
    return ended


def test_a_run_is_running_from_its_first_row(database: Database, writer: RunWriter) -> None:
    run = queries.run(database, writer.run)
    assert (run["state"], run["trials"], run["finished_at"]) == ("running", {}, None)
    assert [(model["model"], model["state"]) for model in run["models"]] == [("popular", "searched")]


def test_equal_data_split_and_metric_share_a_board_and_others_do_not(
    database: Database, run_row: RunRow, writer: RunWriter
) -> None:
    begin(database, run_row, [])
    assert len(rows(database, schema.board)) == 1
    for change in ({"split": "random"}, {"metric": "recall@10"}, {"fingerprint": "e" * 64}, {"task": "rate"}):
        begin(database, replace(run_row, **change), [])
    assert len(rows(database, schema.board)) == 5
    assert len(rows(database, schema.dataset)) == 3


def test_a_run_whose_models_cannot_be_written_leaves_no_row(database: Database, run_row: RunRow) -> None:
    with pytest.raises(StoreError, match=r"(?i)check constraint"):
        begin(database, run_row, [ModelRow("popular", "p", "1", "no such state")])
    for table in (schema.run, schema.board, schema.dataset, schema.run_model):
        assert rows(database, table) == []


def test_a_trial_is_running_with_its_params_when_it_starts(
    database: Database, start_trial: Callable[..., str], transactions: list[str]
) -> None:
    params = {"l2": 500.0, "factors": 24, "weighting": "bm25", "bias": True, "depth": None}
    trial = start_trial(params=params)
    assert transactions == ["commit"]
    (row,) = rows(database, schema.trial)
    assert (row["uuid"], row["state"], row["params"], row["finished_at"]) == (trial, "running", params, None)
    assert {row["name"]: (row["number"], row["text"]) for row in rows(database, schema.trial_param)} == {
        "l2": (500.0, "500.0"),
        "factors": (24.0, "24"),
        "weighting": (None, "bm25"),
        "bias": (None, "True"),
        "depth": (None, "None"),
    }


def test_a_trial_is_completed_in_one_transaction(
    database: Database, writer: RunWriter, start_trial: Callable[..., str], transactions: list[str]
) -> None:
    trial = start_trial()
    transactions.clear()
    writer.trial_ended(
        trial,
        {"state": "complete", "objective": 0.25, "draws": 1, "fit_seconds": 1.5},
        {"ndcg@10": (0.25, 0.2, 0.3), "hit@10": (0.5, None, None)},
        [(1, 0.1), (2, 0.2)],
    )
    assert transactions == ["commit"]
    shown = queries.trial(database, trial)
    assert (shown["state"], shown["objective"], shown["fit_seconds"]) == ("complete", 0.25, 1.5)
    assert shown["valid"]["ndcg@10"] == {"value": 0.25, "low": 0.2, "high": 0.3}
    assert shown["reports"] == [[1, 0.1], [2, 0.2]]
    assert shown["finished_at"] is not None


def test_a_trial_that_cannot_be_completed_whole_is_left_as_it_was(
    database: Database, writer: RunWriter, start_trial: Callable[..., str]
) -> None:
    trial = start_trial()
    with pytest.raises(StoreError):
        writer.trial_ended(trial, {"state": "complete", "objective": 0.5}, {"a": (0.5, None, None), "b": (None, 1, 2)})  # type: ignore[dict-item]
    (row,) = rows(database, schema.trial)
    assert (row["state"], row["objective"], row["finished_at"]) == ("running", None, None)
    assert rows(database, schema.trial_metric) == []


def test_a_step_reported_twice_keeps_its_last_value(
    database: Database, writer: RunWriter, start_trial: Callable[..., str]
) -> None:
    trial = start_trial()
    writer.trial_ended(trial, {"state": "complete"}, {}, [(1, 0.1), (2, 0.2), (1, 0.3)])
    assert queries.trial(database, trial)["reports"] == [[1, 0.3], [2, 0.2]]


def test_a_number_or_an_id_is_never_used_twice(writer: RunWriter, start_trial: Callable[..., str]) -> None:
    trial = start_trial()
    with pytest.raises(StoreError, match=r"(?i)unique"):
        start_trial(number=1)
    with pytest.raises(StoreError, match=r"(?i)unique"):
        start_trial(trial)


def test_finalists_are_written_all_at_once(
    database: Database, writer: RunWriter, score_trial: Callable[..., str], transactions: list[str]
) -> None:
    first, second = score_trial(0.5), score_trial(0.4)
    groups = [
        {"grouped_by": "users' activity", "name": name, "metric": "ndcg@10", "value": value, "count": count}
        for name, value, count in (("9 to 20 known", 0.4, 7), ("5 known", 0.25, 6))
    ]
    mistakes = [
        {"example": example, "right_class": "spam", "predicted_class": "ham", "probability": probability}
        for example, probability in (("win\0now", 0.9), ("row 3", 0.6))
    ]
    values, test = {"final_rank": 1, "draws": 5, "objective": 0.45}, {"ndcg@10": (0.3, 0.2, 0.4)}
    transactions.clear()
    writer.finalists_ended(
        {
            first: FinalistRow(values, test, groups, mistakes),
            second: FinalistRow({"final_rank": 2, "draws": 5, "objective": 0.42}),
        },
        {},
    )
    assert transactions == ["commit"]
    board = queries.leaderboard(database, 1)
    assert [(row["rank"], row["valid"], row["draws"], row["test"]) for row in board] == [
        (1, 0.45, 5, 0.3),
        (2, 0.42, 5, None),
    ]
    assert queries.trial(database, first)["test"]["ndcg@10"] == {"value": 0.3, "low": 0.2, "high": 0.4}
    assert queries.trial(database, first)["groups"] == [
        {"by": "users' activity", "name": "9 to 20 known", "metric": "ndcg@10", "value": 0.4, "count": 7},
        {"by": "users' activity", "name": "5 known", "metric": "ndcg@10", "value": 0.25, "count": 6},
    ]
    assert queries.trial(database, first)["mistakes"] == [{**mistakes[0], "example": "win\\x00now"}, mistakes[1]]
    assert queries.trial(database, second)["groups"] == queries.trial(database, second)["mistakes"] == []


def test_finalists_replace_those_before_and_what_was_kept_of_them(
    database: Database, writer: RunWriter, score_trial: Callable[..., str], tmp_path: Path, transactions: list[str]
) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.bin").write_bytes(name.encode())
    first, second = score_trial(0.5), score_trial(0.4)
    old, new = writer.stage(tmp_path / "old"), writer.stage(tmp_path / "new")
    tested = {"ndcg@10": (0.3, 0.2, 0.4)}
    groups = [{"grouped_by": "users' activity", "name": "5 known", "metric": "ndcg@10", "value": 0.25, "count": 6}]
    mistake = {"example": "row 3", "right_class": "a", "predicted_class": "b", "probability": 0.6}
    best = {"final_rank": 1, "draws": 5}
    writer.finalists_ended({first: FinalistRow(best, tested, groups, [mistake])}, {first: old, None: old})
    transactions.clear()
    plain = {"final_rank": None, "draws": 1}
    writer.finalists_ended(
        {first: FinalistRow(plain), second: FinalistRow(best, tested, groups)}, {second: new, None: new}
    )
    assert transactions == ["commit"]
    shown = queries.trial(database, first)
    assert (shown["final_rank"], shown["draws"], shown["test"]) == (None, 1, {})
    assert shown["groups"] == shown["mistakes"] == shown["artifacts"] == []
    assert queries.trial(database, second)["test"] == {"ndcg@10": {"value": 0.3, "low": 0.2, "high": 0.4}}
    assert {row["sha256"] for row in rows(database, schema.artifact)} == set(new.values())


def test_a_closed_run_has_no_running_trial(
    database: Database, writer: RunWriter, start_trial: Callable[..., str], score_trial: Callable[..., str]
) -> None:
    start_trial()
    score_trial(0.5)
    writer.finish("interrupted", "Ctrl-C", {"search": 10.0})
    run = queries.run(database, writer.run)
    assert (run["state"], run["reason"], run["seconds"]) == ("interrupted", "Ctrl-C", 3.0)
    assert run["trials"] == {"cancelled": 1, "complete": 1}
    assert sorted(row["reason"] for row in rows(database, schema.trial)) == ["", "the run ended"]


def test_closing_a_run_leaves_the_trials_of_others_alone(
    database: Database, run_row: RunRow, writer: RunWriter, start_trial: Callable[..., str]
) -> None:
    start_trial()
    begin(database, run_row, []).finish("complete", "", {})
    assert [row["state"] for row in rows(database, schema.trial)] == ["running"]


NAN, INFINITE = float("nan"), float("inf")


def test_no_text_has_a_nul_and_no_number_is_none(
    database: Database, run_row: RunRow, start_trial: Callable[..., str]
) -> None:
    row = replace(
        run_row,
        name="a\0b",
        dataset="c\0d.csv",
        facts={"head\0line": ["e\0f", NAN]},
        settings={"x": {"y": INFINITE}},
    )
    writer = begin(database, row, [ModelRow("m\0", "p", "1", "skipped", "g\0h", {"l2": {"high": -INFINITE}}, NAN)])
    trial = start_trial(params={"l2": NAN, "name": "i\0j", "deep": {"k\0": [1.0, -INFINITE]}})
    writer._trials[trial] = 1
    writer.trial_ended(
        trial,
        {"state": "failed", "reason": "k\0l", "traceback": "m\0n", "objective": NAN, "fit_seconds": INFINITE},
        {"ndcg@10": (0.5, NAN, INFINITE)},
    )
    writer.finish("failed", "o\0p", {})
    with closing(sqlite3.connect(database.name)) as connection:
        dump = "\n".join(connection.iterdump())
    assert "\0" not in dump and "\\u0000" not in dump
    assert "NaN" not in dump and "Infinity" not in dump and "9.0e+999" not in dump
    shown = queries.trial(database, trial)
    assert (shown["reason"], shown["traceback"], shown["objective"]) == ("k\\x00l", "m\\x00n", None)
    assert shown["params"] == {"l2": None, "name": "i\\x00j", "deep": {"k\\x00": [1.0, None]}}
    assert shown["valid"]["ndcg@10"] == {"value": 0.5, "low": None, "high": None}
    json.dumps(queries.run(database, writer.run), allow_nan=False)


def test_text_that_is_no_unicode_is_escaped(
    database: Database, run_row: RunRow, start_trial: Callable[..., str]
) -> None:
    # As in the name of a file whose bytes are no UTF-8.
    writer = begin(database, replace(run_row, dataset="r\udcfftings.csv", fingerprint="e" * 64), [])
    trial = start_trial(params={"path": "caf\udce9"})
    writer._trials[trial] = 1
    writer.trial_ended(trial, {"state": "failed", "reason": "no file caf\udce9"}, {})
    assert queries.run(database, writer.run)["dataset"] == "r\\udcfftings.csv"
    assert queries.trial(database, trial)["reason"] == "no file caf\\udce9"
    assert queries.trial(database, trial)["params"] == {"path": "caf\\udce9"}


def test_a_file_that_is_kept_belongs_to_its_trial(
    database: Database, writer: RunWriter, score_trial: Callable[..., str], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"1234")
    trial = score_trial(0.5)
    files = writer.stage(folder)
    assert rows(database, schema.artifact) == []
    writer.finalists_ended({}, {trial: files, None: files})
    assert queries.trial(database, trial)["artifacts"] == [{"kind": "model", "path": "weights.bin", "bytes": 4}]
    assert [(row["trial_id"], row["kind"]) for row in rows(database, schema.artifact)] == [
        (1, "model"),
        (None, "encoding"),
    ]


def test_ids_are_made_by_the_client(database: Database, writer: RunWriter) -> None:
    (row,) = rows(database, schema.run)
    assert uuid.UUID(row["uuid"]).version == 4


def test_what_observers_missed_is_added_to_the_note_of_a_closed_run(database: Database, run_row: RunRow) -> None:
    passed = [4.0]
    writer = RunWriter.begin(database, run_row, [], lambda: passed[0])
    writer.finish("complete", "", {"read": 1.0, "search": 3.0})
    for passed[0], missed in ((5.5, "a missed one"), (6.0, "b\0")):
        writer.remark(missed)
    run = queries.run(database, writer.run)
    assert (run["state"], run["note"], run["seconds"]) == ("complete", "a missed one; b\\x00", 6.0)
    assert run["spent"] == {"read": 1.0, "search": 3.0, "observers": 2.0}
