"""A run as studies of Optuna's own, for its dashboard and all else that reads its storages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.contract.task import ENSEMBLE
from workbench.discovery import fault
from workbench.errors import ModelError, StoreError
from workbench.search.exporting import to_trial, write_studies
from workbench.space import from_json
from workbench.store import queries, resuming
from workbench.store.database import Database
from workbench.store.foreign import foreign

_KEPT = ("number", "seed", "state", "reason", "fit_seconds", "score_seconds")


def export_study(database: Database, run: int, url: str) -> dict[str, int]:
    """Write every model of a run as a study into an Optuna storage: name -> how many trials.

    A study's values are the searched metric as it was measured on the search's own draw of valid, which is what
    the search was told. A hyperparameter that lay outside its space (a default, or held by `--set`) is an attribute.

    Args:
        database: where the run is.
        run: its number.
        url: of the storage, such as `sqlite:///optuna.db`.

    Raises:
        UserError: there is no such run, or one of its studies is there already.
        StoreError: the storage cannot be written, or the run is damaged.
    """
    found = queries.run(database, run)
    try:
        studies = _studies(database, found)
    except (ModelError, LookupError, TypeError, ValueError, AttributeError) as error:
        why = f"run {run} cannot be made into studies: {fault(error)}"
        raise StoreError(f"{database.name} is damaged: {why}") from error
    attributes = {key: found[key] for key in ("task", "dataset", "metric", "split_summary")}
    with foreign(url) as shown:
        write_studies(url, shown, found["direction"], attributes, studies)
    return {name: len(trials) for name, trials in studies.items()}


def _studies(database: Database, run: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The trials of each model, under the name of its study."""
    spaces = {model["model"]: from_json(model["space"]) for model in run["models"]}
    studies: dict[str, list[Any]] = {}
    for record in resuming.records(database, run["run"]):
        if record["model"] != ENSEMBLE and record["state"] != "running":
            trial = _trial(record, spaces[record["model"]], run["metric"])
            studies.setdefault(f"run {run['run']} {record['model']}", []).append(trial)
    return studies


def _trial(record: Mapping[str, Any], space: Mapping[str, Any], metric: str) -> Any:
    value = record["valid"].get(metric, (None,))[0]
    attributes = {"trial": record["uuid"], **{key: record[key] for key in _KEPT}}
    return to_trial(record["state"], value, record["params"], space, attributes, record["reports"])
