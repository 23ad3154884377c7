"""The process of one observer: `python -m workbench.execution.observer`.

It reads which plugin it is for, then records, one at a time; to each it answers what went wrong, or nothing.
"""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from typing import Any

from workbench.contract.records import RunRecord, TrialRecord
from workbench.discovery import register
from workbench.execution import child, work
from workbench.installed import GROUP


def main() -> None:
    """Hand on records until standard input ends."""
    records, answers = child.settle()
    hooks = register(EntryPoint(**json.loads(records.readline()), group=GROUP)).hook
    for line in records:
        answers.write(json.dumps(_told(hooks, **json.loads(line))).encode() + b"\n")
        answers.flush()


def _told(hooks: Any, hook: str, run: dict[str, Any], trial: dict[str, Any] | None) -> str:
    """Call a hook; returns why it failed, or an empty string."""
    finalists = tuple(TrialRecord(**finalist) for finalist in run["finalists"])
    arguments: dict[str, Any] = {"run": RunRecord(**{**run, "finalists": finalists})}
    if trial is not None:
        arguments["trial"] = TrialRecord(**trial)
    try:
        getattr(hooks, hook)(**arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is its own failure
        return work.reason(error)
    return ""


if __name__ == "__main__":
    main()
