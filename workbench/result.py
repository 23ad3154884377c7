"""What a run ended with, read back from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.search.trial import Trial
from workbench.store import artifacts, queries
from workbench.store.database import Database


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Args:
        summary: what `workbench run --json` prints.
        exit_code: 0, or 130 or 143 after an interrupt.
        usage: how a model of the task is asked, see `Task.usage`.
    """

    summary: dict[str, Any]
    exit_code: int = 0
    usage: str = ""

    @property
    def leaderboard(self) -> list[dict[str, Any]]:
        """The rows of the run's leaderboard, best first."""
        return list(self.summary["leaderboard"])

    @property
    def best(self) -> dict[str, Any]:
        """The winner: `trial`, `model`, `params`, `valid`, `test`; empty after an interrupt before any trial."""
        return dict(self.summary["best"] or {})


def summarise(database: Database, number: int) -> dict[str, Any]:
    """What `run --json` prints, read back from the store."""
    row = queries.run(database, number)
    best_of_each: dict[str, dict[str, Any]] = {}
    for entry in queries.leaderboard(database, row["board"], run=number, top=None):
        best_of_each.setdefault(entry["model"], entry)
    rows = [{**entry, "rank": rank} for rank, entry in enumerate(best_of_each.values(), 1)]
    return {
        "run": number,
        "task": row["task"],
        "dataset": row["dataset"],
        "state": row["state"],
        "note": row["note"],
        "metric": row["metric"],
        "trials": row["trials"],
        "best": _headline(database, rows[0]) if rows else None,
        "baseline": next((_headline(database, entry) for entry in rows if entry["model"] == row["baseline"]), None),
        "untried": {each["model"]: each["allocation"] for each in row["models"] if each["trials"] == 0},
        "kept": artifacts.trials_kept(database, number),
        "seconds": row["seconds"],
        "budget_seconds": row["budget_seconds"],
        "spent": row["spent"],
        "leaderboard": rows,
        "database": database.name,
    }


def _headline(database: Database, entry: dict[str, Any]) -> dict[str, Any]:
    """One trial's metrics; `valid` of the searched one is the mean over its draws."""
    trial = queries.trial(database, entry["trial"])
    valid = {name: measured["value"] for name, measured in trial["valid"].items()}
    return {
        "trial": entry["trial"],
        "model": entry["model"],
        "params": entry["params"],
        "valid": {**valid, entry["metric"]: entry["valid"]},
        "test": {name: measured["value"] for name, measured in trial["test"].items()},
    }


def no_result_reason(trials: Sequence[Trial]) -> str:
    """Why no trial was completed, by the most frequent cause."""
    reasons = Counter(f"{trial.model} {trial.state}: {trial.result.reason}" for trial in trials if trial.result)
    return reasons.most_common(1)[0][0] if reasons else "none could be started"
