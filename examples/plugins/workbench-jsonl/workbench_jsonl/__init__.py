"""Writes every finished trial, and the end of every run, to the JSON lines file that `WORKBENCH_JSONL` names."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from workbench import RunRecord, TrialRecord, hookimpl


@hookimpl
def workbench_trial_finished(run: RunRecord, trial: TrialRecord) -> None:
    _append({"event": "trial", "run": asdict(run), "trial": asdict(trial)})


@hookimpl
def workbench_run_finished(run: RunRecord) -> None:
    _append({"event": "run", "run": asdict(run)})


def _append(event: dict) -> None:
    path = os.environ.get("WORKBENCH_JSONL")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
