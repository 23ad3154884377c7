"""What the search found reaches the store, as far as it can be stored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from workbench.contract.metric import Metric
from workbench.contract.task import ENSEMBLE
from workbench.errors import StoreError
from workbench.execution.work import Result
from workbench.recording import Recorder, Silent
from workbench.search.trial import Trial
from workbench.settings import RunSettings
from workbench.store.writer import FinalistRow, TrialRow


class Writer:
    """Remembers what it is told; refuses the models of some trials."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.kept: list[str] = []
        self.started: list[TrialRow] = []
        self.notes: dict[str, str] = {}

    def trial_started(self, row: TrialRow) -> None:
        self.started.append(row)

    def finalists_ended(self, rows: Mapping[str, FinalistRow]) -> None:
        self.notes.update({id: row.values["note"] for id, row in rows.items()})

    def keep(self, kind: str, folder: Path, trial: str = "run") -> None:
        if trial in self.refused:
            raise StoreError("a link is not kept")
        self.kept.append(f"{kind} of {trial}")


def recorder(writer: Writer) -> Recorder:
    settings = RunSettings(task="recommend", trials=1)
    return Recorder(writer, Silent(), settings, {"a": "acme"}, Metric("m", ""))  # type: ignore[arg-type]


@pytest.fixture
def ranked() -> list[Trial]:
    together = Trial(3, ENSEMBLE, {"one": 2, "two": 1}, 0, id="both")
    trials = [together, Trial(1, "a", {}, 0, id="one"), Trial(2, "a", {}, 0, id="two")]
    for trial in trials:
        trial.model_folder, trial.result = trial.id, Result(trial.id, "complete")
    return trials


def test_an_ensemble_is_stored_after_its_members(ranked: list[Trial]) -> None:
    writer = Writer()
    recorder(writer).finalists_ended(ranked, Path("encoding"))
    assert writer.kept == ["encoding of run", "model of one", "model of two", "model of both"]


def test_an_ensemble_is_not_stored_without_a_member(ranked: list[Trial]) -> None:
    writer = Writer("two")
    recorder(writer).finalists_ended(ranked, Path("encoding"))
    assert writer.kept == ["encoding of run", "model of one"]
    assert writer.notes["two"] == "the model was not kept: a link is not kept"
    assert writer.notes["both"] == "the model was not kept: a member was not"


def test_an_ensemble_is_our_own_work_and_a_model_its_plugin_s(ranked: list[Trial]) -> None:
    writer = Writer()
    both: Any = recorder(writer)
    for trial in ranked[:2]:
        both.trial_started(trial)
    assert [row.plugin for row in writer.started] == ["automl-workbench", "acme"]
