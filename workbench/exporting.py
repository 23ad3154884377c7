"""A run as a study of Optuna's own, for its dashboard and for whatever else reads its storages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.contract.task import ENSEMBLE
from workbench.errors import StoreError, UserError
from workbench.search.study import to_optuna
from workbench.space import active, from_json
from workbench.store import queries
from workbench.store.database import Database


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
        StoreError: the storage cannot be written.
    """
    import optuna
    import sqlalchemy as sa

    found = queries.run(database, run)
    records = [record for record in queries.records(database, run) if record["model"] != ENSEMBLE]
    spaces = {model["model"]: from_json(model["space"]) for model in found["models"]}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = optuna.storages.RDBStorage(url)
        names = {model: f"run {run} {model}" for model in dict.fromkeys(record["model"] for record in records)}
        there = {study.study_name for study in optuna.get_all_study_summaries(storage, include_best_trial=False)}
        for name in names.values():
            if name in there:
                raise UserError(f"{storage.url}: study {name!r} is there already; delete it or name another storage")
        written = {}
        for model, name in names.items():
            study = optuna.create_study(storage=storage, study_name=name, direction=found["direction"])
            for key in ("task", "dataset", "metric", "split_summary"):
                study.set_user_attr(key, found[key])
            trials = [
                _trial(record, spaces[model], found["metric"])
                for record in records
                if record["model"] == model and record["state"] != "running"
            ]
            study.add_trials(trials)
            written[name] = len(trials)
    except (sa.exc.SQLAlchemyError, ImportError, ValueError) as error:
        raise StoreError(f"the storage cannot be written: {(str(error).splitlines() or ['no message'])[0]}") from error
    return written


def _trial(record: Mapping[str, Any], space: Mapping[str, Any], metric: str) -> Any:
    """One row as Optuna keeps it."""
    import optuna

    states = {"complete": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}
    state = states.get(record["state"], optuna.trial.TrialState.FAIL)
    params = record["params"]
    drawn = {
        name: distribution
        for name, distribution in active(space, params).items()
        if name in params and distribution.contains(params[name])
    }
    attributes = {
        "trial": record["uuid"],
        "number": record["number"],
        "seed": record["seed"],
        "state": record["state"],
        "reason": record["reason"],
        "fit_seconds": record["fit_seconds"],
        "score_seconds": record["score_seconds"],
        **{name: value for name, value in params.items() if name not in drawn},
    }
    value = record["valid"].get(metric, (None,))[0]
    return optuna.trial.create_trial(
        state=state,
        value=value if state == optuna.trial.TrialState.COMPLETE else None,
        params={name: params[name] for name in drawn},
        distributions={name: to_optuna(distribution) for name, distribution in drawn.items()},
        user_attrs={name: value for name, value in attributes.items() if value not in (None, "")},
        intermediate_values=dict(record["reports"]),
    )
