"""Trials as Optuna keeps them, in a storage of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optuna

from workbench.errors import UserError
from workbench.search.study import to_optuna
from workbench.space import Space, active

_DIRECTIONS = {"maximize": optuna.study.StudyDirection.MAXIMIZE, "minimize": optuna.study.StudyDirection.MINIMIZE}
_STATES = {"complete": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}


def write_studies(
    url: str, shown: str, direction: str, attributes: Mapping[str, Any], studies: Mapping[str, Sequence[Any]]
) -> None:
    """Write studies into an Optuna storage.

    Args:
        url: of the storage.
        shown: the same without a password.
        direction: of every study, `maximize` or `minimize`.
        attributes: of every study.
        studies: name -> its trials, as `to_trial` makes them.

    Raises:
        UserError: one of the studies is there already.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(url)
    there = {study.study_name for study in optuna.get_all_study_summaries(storage, include_best_trial=False)}
    for name in studies:
        if name in there:
            raise UserError(f"{shown}: study {name!r} is there already; delete it or name another storage")
    for name, trials in studies.items():
        study = optuna.create_study(storage=storage, study_name=name, direction=_DIRECTIONS[direction])
        for key, value in attributes.items():
            study.set_user_attr(key, value)
        study.add_trials(trials)


def to_trial(
    state: str,
    value: float | None,
    params: Mapping[str, Any],
    space: Space,
    attributes: Mapping[str, Any],
    reports: Mapping[int, float],
) -> Any:
    """One trial; hyperparameters outside their space, which Optuna would refuse, become attributes."""
    drawn = {
        name: distribution
        for name, distribution in active(space, params).items()
        if name in params and distribution.contains(params[name])
    }
    known = {**attributes, **{name: value for name, value in params.items() if name not in drawn}}
    ended = _STATES.get(state, optuna.trial.TrialState.FAIL)
    return optuna.trial.create_trial(
        state=ended,
        value=value if ended == optuna.trial.TrialState.COMPLETE else None,
        params={name: params[name] for name in drawn},
        distributions={name: to_optuna(distribution) for name, distribution in drawn.items()},
        user_attrs={name: value for name, value in known.items() if value not in (None, "")},
        intermediate_values=dict(reports),
    )
