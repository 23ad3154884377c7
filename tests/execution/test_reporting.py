"""Reports and verdicts between a real worker and whoever asks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.execution.asking import PATIENCE, answers, ask, question, until, works
from workbench.errors import ModelError
from workbench.execution.pool import Pool
from workbench.execution.reporting import Reporter
from workbench.execution.work import Event, Report, Result, Verdict


def judged(pool: Pool, asked: object, stop_at: int) -> tuple[Result, list[Report]]:
    """The result and the reports of a fit that is stopped at a step, each report being answered."""
    pool.submit(asked)  # type: ignore[arg-type]
    reports: list[Report] = []
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        for event in pool.events(1.0):
            if isinstance(event, Result):
                return event, reports
            assert isinstance(event, Report)
            reports.append(event)
            pool.reply(Verdict(event.id, event.step, "enough" if event.step == stop_at else ""))
    raise AssertionError("no result")


def test_a_report_that_waits_takes_the_verdict_at_once(pool: Pool) -> None:
    asked = replace(question("Learns", values="0.1,0.2,0.3,0.4"), reports="awaited")
    result, reports = judged(pool, asked, stop_at=2)
    assert (result.state, result.reason) == ("pruned", "enough")
    assert [(report.step, report.value) for report in reports] == [(1, 0.1), (2, 0.2)]
    result, reports = judged(pool, replace(asked, id="again"), stop_at=9)
    assert (result.state, len(reports)) == ("complete", 4), "no verdict is left over from the fit before"
    works(pool)


def test_a_posted_report_goes_on_and_a_later_one_takes_the_verdict(pool: Pool) -> None:
    asked = question("Learns", values=",".join(["0.5"] * 2000), pause=0.005)
    result, reports = judged(pool, asked, stop_at=1)
    assert (result.state, result.reason) == ("pruned", "enough")
    assert 1 <= len(reports) < 2000
    works(pool)


def test_verdicts_on_what_has_ended_are_nobodys(pool: Pool) -> None:
    pool.reply(Verdict("nobody", 1, "stop"))
    first = question("Learns")
    assert ask(pool, first).state == "complete"
    pool.reply(Verdict(first.id, 3, "too late"))
    assert ask(pool, question("Learns")).state == "complete"


def test_a_worker_that_reads_no_verdicts_keeps_nobody_waiting(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(grace=0.3)
    works(pool)
    asked = question("ReportsAndReadsNothing", id="1", times=2000)
    pool.submit(replace(asked, id="1"))
    reports: list[Event] = []
    until(lambda: reports.extend(pool.events(1.0)) or len(reports) == 2000)
    for step in range(2000):
        pool.reply(Verdict("1", step, "x" * 100))  # more than a pipe holds
    pool.cancel("the run was interrupted")
    (result,), _ = answers(pool)
    assert (result.state, result.reason) == ("cancelled", "the run was interrupted")
    works(pool)


def test_reports_of_one_fit_have_an_end_whoever_counts_them(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.execution.work.MOST_REPORTS", 20)
    asked = replace(question("ReportsAndReadsNothing", id="1", times=21), id="1")
    result = ask(pool, asked)
    assert (result.state, result.reason) == (
        "crashed",
        "wrote on its pipe what is no answer: more than 20 reports",
    )
    sent: list[Report] = []
    report = Reporter("1", "posted", sent.append, SimpleQueue(), lambda: 0.5, None)
    for step in range(20):
        report(step, 0.5)
    with pytest.raises(ModelError, match="one fit may report 20 times"):
        report(20, 0.5)
    assert len(sent) == 20


def test_a_report_that_waits_in_vain_is_ended_with_its_fit(make_pool: Callable[..., Pool], tmp_path: Path) -> None:
    pool, mark = make_pool(grace=0.3), tmp_path / "mark"
    waiting = replace(question("Learns", mark=str(mark)), reports="awaited")
    pool.submit(waiting)
    until(mark.exists)
    pool.cancel("the run was interrupted")
    (result,), _ = answers(pool)
    assert result.state == "cancelled"
    result = ask(pool, replace(waiting, id="late"), seconds=1.0)
    assert (result.state, result.reason) == ("timeout", "stopped at its deadline")
    works(pool)


def test_a_report_waits_no_longer_than_the_fit_may_take(pool: Pool) -> None:
    result = ask(pool, replace(question("Learns", values="0.1"), reports="awaited", seconds=0.2))
    assert result.state == "complete"


@pytest.mark.parametrize("changes", [{"reports": "ignored"}, {"search": False, "reports": "ignored"}])
def test_in_further_draws_and_refits_nothing_is_reported(pool: Pool, changes: dict[str, object]) -> None:
    pool.submit(replace(question("Reports"), **changes))  # type: ignore[arg-type]
    (result,), reports = answers(pool)
    assert (result.state, reports) == ("complete", [])


def test_the_best_of_the_epochs_is_scored_saved_and_its_number_told(pool: Pool, tmp_path: Path) -> None:
    pool.submit(question("TrainsInEpochs", peak=4, save=tmp_path / "model"))
    (result,), reports = answers(pool)
    assert (result.state, result.epochs) == ("complete", 4)
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    assert max(reports, key=lambda report: report.value).step == 4
    assert result.metrics["ndcg@10"] == pytest.approx(reports[3].value)
    assert json.loads((tmp_path / "model" / "plain.json").read_text()) == {"steps_": 4}


def test_a_refit_takes_as_many_epochs_as_it_is_told(pool: Pool, tmp_path: Path) -> None:
    asked = question("TrainsInEpochs", peak=4, save=tmp_path / "model", search=False)
    result = ask(pool, replace(asked, train="train_valid", score="test", epochs=4, reports="ignored"))
    assert (result.state, result.epochs) == ("complete", None)
    assert json.loads((tmp_path / "model" / "plain.json").read_text()) == {"steps_": 4}


def test_a_model_without_epochs_has_none(pool: Pool) -> None:
    assert works(pool).epochs is None
