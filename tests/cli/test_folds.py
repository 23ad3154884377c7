"""Cross-validation: from the flag to the board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Called

Cli = Callable[..., Called]
RUN = ("run", "--task", "recommend", "--data", "ratings.csv", "--workers", "1", "--json", "--models", "ease,item-knn")


@pytest.mark.parametrize("split", ["user-random", "user-time"])
def test_each_trial_is_the_mean_over_the_folds(workbench: Cli, ratings: Path, tmp_path: Path, split: str) -> None:
    called = workbench(*RUN, "--trials", "4", "--folds", "3", "--split", split)
    assert (called.code, called.err) == (0, "")
    rows = called.json["leaderboard"]
    assert {row["draws"] for row in rows} == {3}
    assert all(row["valid_low"] < row["valid"] < row["valid_high"] for row in rows)
    assert rows[0]["test"] is not None
    assert called.json["spent"]["selection"] < called.json["spent"]["search"], "nothing is drawn on top"
    again = workbench(*RUN, "--trials", "4", "--folds", "3", "--split", split).json["leaderboard"]
    assert [(row["model"], row["valid"], row["test"]) for row in again] == [
        (row["model"], row["valid"], row["test"]) for row in rows
    ]


def test_folds_make_a_board_of_their_own(workbench: Cli, ratings: Path) -> None:
    for folds in ([], ["--folds", "2"], ["--folds", "3"]):
        assert workbench(*RUN, "--trials", "1", *folds).code == 0
    splits = [row["split"] for row in workbench("runs", "--json").json["runs"]]
    assert len(set(splits)) == 3
    assert splits[0].endswith(" folds=3") and splits[1].endswith(" folds=2")


@pytest.mark.parametrize("folds", ["1", "0", "-2", "21"])
def test_a_number_that_makes_no_sense_is_refused(workbench: Cli, ratings: Path, folds: str) -> None:
    called = workbench(*RUN, "--trials", "1", "--folds", folds)
    assert (called.code, called.out) == (2, "")
    assert called.err == f"error: --folds {folds}: must be from 2 to 20\n"


def test_a_task_without_folds_says_so(install: Callable[..., Path], workbench: Cli, ratings: Path) -> None:
    folder = install(
        "acme",
        """
        @hookimpl
        def workbench_tasks():
            return [TaskSpec("whole", "acme_task:Whole", "as recommend, but without folds")]

        @hookimpl
        def workbench_models():
            return [ModelSpec("popular", "whole", "workbench_recommend.popular:Popular", "the baseline")]
        """,
    )
    (folder / "acme_task.py").write_text(
        "from workbench_recommend.task import Recommend\n"
        "class Whole(Recommend):\n"
        "    def fold(self, split, number, of, seed):\n"
        "        return None\n"
    )
    called = workbench(
        "run", "--task", "whole", "--data", "ratings.csv", "--folds", "2", env={"PYTHONPATH": str(folder)}
    )
    assert called.code == 2
    assert called.err.endswith("error: --folds 2: task whole has no folds\n")
