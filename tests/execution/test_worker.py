"""What a model may do to its trial, and that it does nothing to the next one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.execution.asking import answers, ask, describe, question, works
from workbench.contract.saving import restore_attributes
from workbench.execution.pool import Pool
from workbench.execution.work import Description, Result


def test_a_trial_has_metrics_intervals_and_costs(pool: Pool) -> None:
    result = works(pool)
    assert set(result.metrics) == {"ndcg@10", "recall@10"}
    low, high = result.intervals["ndcg@10"]
    assert low < result.metrics["ndcg@10"] < high
    assert result.cpu_seconds > 0 and result.peak_memory_bytes > 2**20
    assert result.fit_seconds >= 0 and result.score_seconds > 0 and result.shared_seconds == 0


def test_values_per_example_are_left_for_the_parent_and_have_the_metric_as_their_mean(pool: Pool, folder: Path) -> None:
    result = works(pool)
    values = np.load(folder / "values" / f"{result.id}.npy", allow_pickle=False)
    ids = np.load(folder / "values" / f"{result.id}.ids.npy", allow_pickle=False)
    assert values.dtype == np.float32 and ids.dtype == np.int64
    assert len(values) == len(ids) == len(set(ids))
    assert values.mean() == pytest.approx(result.metrics["ndcg@10"])


@pytest.mark.parametrize(
    ("asked", "state", "reason"),
    [
        (question("Raises"), "failed", "RuntimeError: out of order"),
        (question("RaisesInScore"), "failed", "KeyError: 'no such user'"),
        (question("RaisesWithoutWords"), "failed", "Wordless: no message"),
        (question("SysExits"), "failed", "SystemExit: 0"),
        (question("Prunes"), "pruned", "the search asked it to stop"),
        (question("RaisesMemoryError"), "memory", "MemoryError: no room"),
        (question("Scores", kind="nan"), "invalid", "Scores gives scores that are NaN"),
        (question("Scores", kind="one nan"), "invalid", "Scores gives scores that are NaN"),
        (question("Scores", kind="wrong shape"), "invalid", "Scores gives scores of shape ("),
        (question("Scores", kind="string"), "invalid", "Scores gives scores of shape str; ("),
        (question("Scores", kind="strings"), "invalid", "Scores gives scores that are not numbers"),
        (question("Scores", kind="none"), "invalid", "Scores gives scores of shape NoneType"),
        (question("Scores", kind="list"), "invalid", "Scores gives scores of shape list"),
        (question("ReportsWrongly", kind="nan"), "invalid", "report(1, nan): a finite number is needed"),
        (question("ReportsWrongly", kind="infinite"), "invalid", "report(1, inf): a finite number is needed"),
        (question("ReportsWrongly", kind="text"), "invalid", "report(1, '0.5'): a finite number is needed"),
        (question("ReportsWrongly", kind="array"), "invalid", "report(1, array([1., 1., 1.])): a finite number"),
        (question("ReportsWrongly", kind="huge step"), "invalid", f"report({2**70}, 0.5): the step"),
        (question("ReportsWrongly", kind="negative step"), "invalid", "report(-1, 0.5): the step"),
        (question("WritesIntoTheData", name="items"), "failed", "ValueError: assignment destination is read-only"),
        (question("WritesIntoTheData", name="timestamps"), "failed", "ValueError: assignment destination is read-only"),
        (question("Good", depth=3), "invalid", "Good has no hyperparameter 'depth'; it has noise"),
        (question("Nobody"), "failed", "workbench_faulty.models:Nobody cannot be loaded"),
    ],
    ids=lambda value: f"{value.load.partition(':')[2]}-{value.params}" if hasattr(value, "load") else None,
)
def test_a_fault_ends_its_own_trial_with_the_reason_and_the_next_one_is_good(
    pool: Pool, asked: object, state: str, reason: str
) -> None:
    result = ask(pool, asked)  # type: ignore[arg-type]
    assert isinstance(result, Result)
    assert (result.state, result.metrics) == (state, {})
    assert result.reason.startswith(reason)
    works(pool)


def test_a_failure_keeps_its_traceback(pool: Pool) -> None:
    result = ask(pool, question("Raises"))
    assert "workbench_faulty/models.py" in result.traceback
    assert result.traceback.endswith("RuntimeError: out of order\n")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("first line\nsecond line", "RuntimeError: first line"),
        ("red \x1b[31m alert \x07 \0", "RuntimeError: red \\x1b[31m alert \\x07 \\x00"),
        ("caf\udce9", "RuntimeError: caf\\udce9"),
        ("", "RuntimeError: no message"),
    ],
)
def test_a_reason_is_one_line_that_can_be_printed(pool: Pool, message: str, reason: str) -> None:
    result = ask(pool, question("Raises", message=message))
    assert result.reason == reason
    (result.reason + result.traceback).encode()
    assert "\x1b" not in result.traceback and "\0" not in result.traceback


def test_a_reason_and_a_traceback_have_an_end(pool: Pool) -> None:
    result = ask(pool, question("Raises", message="x" * 1_000_000))
    assert len(result.reason) <= 1_000
    assert len(result.traceback) <= 20_000


def test_reports_arrive_in_order_and_the_trial_finishes(pool: Pool) -> None:
    asked = question("Reports")
    pool.submit(asked)
    (result,), reports = answers(pool)
    assert result.state == "complete"
    assert [(report.step, report.value) for report in reports[:2]] == [(1, 0.25), (2, 0.5)]
    assert reports[2].step == 3
    assert reports[2].value == pytest.approx(result.metrics["ndcg@10"])
    assert {report.id for report in reports} == {asked.id}


def test_a_refit_reports_nothing(pool: Pool) -> None:
    pool.submit(question("Reports", search=False))
    (result,), reports = answers(pool)
    assert (result.state, reports) == ("complete", [])


def test_a_model_that_keeps_what_cannot_be_stored_is_invalid_by_name(pool: Pool, tmp_path: Path) -> None:
    assert ask(pool, question("KeepsTheUnstorable")).state == "complete"
    result = ask(pool, question("KeepsTheUnstorable", save=tmp_path / "model"))
    assert result.state == "invalid"
    assert result.reason.startswith("KeepsTheUnstorable.callback_ is a builtins.function, which cannot be stored")
    works(pool)


def test_a_saved_model_is_what_was_fitted(pool: Pool, tmp_path: Path) -> None:
    assert ask(pool, question("Good", save=tmp_path / "deep" / "model")).state == "complete"

    class Bare:
        scores_: np.ndarray

    restore_attributes(bare := Bare(), tmp_path / "deep" / "model")
    assert bare.scores_.dtype == np.float32 and bare.scores_.sum() > 0


def test_what_a_model_prints_disturbs_nobody(pool: Pool, capfd: pytest.CaptureFixture[str]) -> None:
    result = ask(pool, question("Chatters"))
    assert (result.state, result.reason) == ("complete", "")
    assert result.metrics == works(pool).metrics
    assert capfd.readouterr() == ("", "")


def test_a_model_that_reads_or_closes_what_belongs_to_the_worker_disturbs_nobody(pool: Pool) -> None:
    assert ask(pool, question("ReadsInput")).state == "complete"
    assert ask(pool, question("ClosesStdout")).state == "complete"
    assert ask(pool, question("Chatters")).state == "complete"
    works(pool)


def test_what_a_model_changes_in_its_process_is_undone_before_the_next(pool: Pool) -> None:
    before = ask(pool, question("Good", noise=1.0)).metrics
    assert ask(pool, question("ChangesTheProcess")).state == "complete"
    checked = ask(pool, question("ChecksTheProcess"))
    assert (checked.state, checked.reason) == ("complete", "")
    assert ask(pool, question("Good", noise=1.0)).metrics == before


def test_a_trial_depends_on_its_seed_alone(pool: Pool, make_pool: Callable[..., Pool]) -> None:
    here = ask(pool, question("Good", seed=5, noise=9.0)).metrics
    ask(pool, question("Good", seed=6, noise=9.0))
    assert ask(pool, question("Good", seed=5, noise=9.0)).metrics == here
    assert ask(make_pool(), question("Good", seed=5, noise=9.0)).metrics == here
    assert ask(pool, question("Good", seed=6, noise=9.0)).metrics != here


def test_threads_that_a_model_leaves_disturb_nobody(pool: Pool) -> None:
    assert ask(pool, question("ThreadsLeft")).state == "complete"
    works(pool)


def test_a_model_is_described(pool: Pool) -> None:
    described = ask(pool, describe("Good"))
    assert isinstance(described, Description)
    assert (described.error, described.hyperparameters) == ("", {"noise": 0.0})
    assert list(described.space) == ["noise"]
    assert (described.needs, described.starts, described.estimate) == ((), (), None)
    json.dumps(described.space)


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("Undescribable", "RuntimeError: no idea"),
        ("EstimatesTooMuch", "EstimatesTooMuch.estimate gives (1.0, 1e+300)"),
        ("NoModel", "workbench_faulty.models:NoModel is no subclass of workbench.Model"),
        ("Nobody", "workbench_faulty.models:Nobody cannot be loaded"),
        ("DiesWhenDescribed", "its worker ended without a result (exit code 7)"),
    ],
)
def test_a_model_that_cannot_be_described_says_why(pool: Pool, model: str, error: str) -> None:
    described = ask(pool, describe(model))
    assert isinstance(described, Description)
    assert described.error.startswith(error)
    works(pool)
