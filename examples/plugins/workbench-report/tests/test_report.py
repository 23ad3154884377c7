"""The report says what the leaderboard says."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from workbench_report import command, report


def row(**given: Any) -> dict[str, Any]:
    usual = {
        "rank": 1, "tie": False, "run": 3, "trial": "0dc3", "model": "ease", "metric": "ndcg@10", "valid": 0.2,
        "valid_low": 0.19, "valid_high": 0.21, "test": 0.25, "fit_seconds": 1.0, "params": json.dumps({"l2": 500.0}),
    }  # fmt: skip
    return {**usual, **given}


def test_the_best_is_named_and_every_trial_has_a_line() -> None:
    text = report(
        [row(tie=True), row(rank=2, tie=True, trial="a1b2", model="a|b", valid=0.1, valid_low=None, test=None)]
    )
    assert "**ease** (trial `0dc3`): 0.2000 on valid, 0.2500 on test. Runs: 3." in text
    assert "| 1 = | ease | `0dc3` | 0.2000 | 0.190 to 0.210 | 0.2500 | 1.0 s | l2 = 500.0 |" in text
    assert "| 2 = | a\\|b | `a1b2` | 0.1000 |  |  | 1.0 s | l2 = 500.0 |" in text
    assert text.endswith("no more than noise.\n")


def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    where = f"sqlite:///{tmp_path}/none.db"
    called = CliRunner().invoke(command, [str(tmp_path / "x.md"), "--db", where], obj={"db": None})
    assert "none.db" in str(called.exception)
    assert not (tmp_path / "x.md").exists()
