"""One model's search: its defaults, then its `starts`, then Optuna's TPE over its space.

Trials are asked for and told by us; Optuna keeps an in-memory study (Bergstra et al. 2011; multivariate:
Falkner et al. 2018) and our tables are the only truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna

from workbench.errors import SettingsError
from workbench.execution.work import Description
from workbench.search.trial import canonical, stable_seed
from workbench.space import Choice, Float, Int, active, from_json

STARTUP_TRIALS = 5
_TRIES_FOR_A_NEW_ONE = 20


class ModelStudy:
    """Asks for hyperparameters and learns from what they gave.

    Args:
        name: of the model.
        description: its hyperparameters, space and starts.
        fixed: hyperparameters that the user holds at a value.
        seed: of the run.

    Raises:
        SettingsError: `fixed` names no hyperparameter of the model.
    """

    def __init__(self, name: str, description: Description, fixed: Mapping[str, Any], seed: int) -> None:
        for field in fixed:
            if field not in description.hyperparameters:
                known = ", ".join(description.hyperparameters) or "none"
                raise SettingsError(f"--set {name}.{field}: {name} has no hyperparameter {field!r}; it has {known}")
        self.base = {**description.hyperparameters, **fixed}
        self.space = {key: value for key, value in from_json(description.space).items() if key not in fixed}
        self.exhausted = False
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=stable_seed(seed, name), n_startup_trials=STARTUP_TRIALS),
        )
        for start in ({}, *description.starts):
            given = {key: value for key, value in {**self.base, **start}.items() if key in self.space}
            self._study.enqueue_trial(given)
        self._asked: dict[str, optuna.trial.Trial] = {}
        self._objectives: dict[str, float | None] = {}

    def ask(self) -> dict[str, Any] | None:
        """Hyperparameters not tried before, or None when there are none left to find."""
        for _ in range(_TRIES_FOR_A_NEW_ONE):
            trial = self._study.ask()
            params = self._draw(trial)
            key = canonical(params)
            if key not in self._asked:
                self._asked[key] = trial
                return params
            known = self._objectives.get(key)
            if known is None:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                self._study.tell(trial, known)
            if not self.space:
                break
        self.exhausted = True
        return None

    def tell(
        self, params: Mapping[str, Any], objective: float | None, pruned_at: tuple[int, float] | None = None
    ) -> None:
        """Learn what hyperparameters gave.

        Args:
            params: as asked for.
            objective: None if they gave nothing.
            pruned_at: (step, objective) at which the trial was pruned. TPE ranks such trials behind the complete
                ones, those that came further and gave more first.
        """
        key = canonical(params)
        self._objectives[key] = objective
        trial = self._asked[key]
        if objective is not None:
            self._study.tell(trial, objective)
        elif pruned_at is not None:
            step, value = pruned_at
            trial.report(value, step)
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def _draw(self, trial: optuna.trial.Trial) -> dict[str, Any]:
        """Draw the fields in order, so that a condition's field is known before what depends on it."""
        params = dict(self.base)
        for name in self.space:
            distribution = active(self.space, params).get(name)
            match distribution:
                case Int(low, high, log, step):
                    params[name] = trial.suggest_int(name, low, high, step=step, log=log)
                case Float(low, high, log):
                    params[name] = trial.suggest_float(name, low, high, log=log)
                case Choice(options=options):
                    params[name] = trial.suggest_categorical(name, options)
        return params
