"""Results that the database would not take: kept in a file beside it, or on this machine, until the run is resumed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from workbench.errors import StoreError
from workbench.store import schema
from workbench.store.database import Database


def save(database: Database, run: str, result: dict[str, Any]) -> Path:
    """Add a result to the spool of a run; returns the file.

    Raises:
        OSError: the file cannot be written either.
    """
    path = _path(database, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)  # less a line that a full disk has cut short
        file.write(json.dumps(result, allow_nan=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def load(database: Database, run: str) -> list[dict[str, Any]]:
    """The spooled results of a run, without a line that was cut short.

    Raises:
        StoreError: the file holds something else.
    """
    path = _path(database, run)
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        results = [json.loads(line) for line in lines if line.endswith("\n")]
        if all(map(_is_result, results)):
            return results
    except (ValueError, RecursionError):
        pass  # it is no JSON, or no text
    raise StoreError(f"{path} is damaged: it holds what no run has put there; move it away to go on without it")


def _is_result(result: Any) -> bool:
    """Whether a line is what `save` is given."""
    kinds = {"trial": str, "values": dict, "valid": dict, "reports": list}
    return (
        isinstance(result, dict)
        and result.keys() == kinds.keys()
        and all(isinstance(result[key], kind) for key, kind in kinds.items())
        and result["values"].keys() <= set(schema.trial.c.keys())
    )


def clear(database: Database, run: str) -> None:
    """Forget the results of a run: they are in the database now."""
    _path(database, run).unlink(missing_ok=True)


def _path(database: Database, run: str) -> Path:
    return database.beside(f"run-{run}.spool")
