"""One model's search: its defaults, then its `starts`, then Optuna's TPE over its space.

Trials are asked for and told by us; Optuna keeps an in-memory study (Bergstra et al. 2011; multivariate:
Falkner et al. 2018) and our tables are the only truth. What is asked for depends on the seed, on how many settings
were tried and on what they gave, and on nothing else: so a study that is told the trials of a run that was cut
short goes on as the one that was lost would have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from workbench.errors import SettingsError
from workbench.execution.work import Description
from workbench.search.trial import canonical, stable_seed
from workbench.space import Choice, Float, Int, active, from_json

STARTUP_TRIALS = 5
_TRIES_BY_TPE = 10
_TRIES_AT_RANDOM = 10
"""TPE may ask for the same again and again where the best is; chance finds what else is left."""


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
        self.name, self.seed = name, seed
        self.base = {**description.hyperparameters, **fixed}
        self.space = {key: value for key, value in from_json(description.space).items() if key not in fixed}
        self.exhausted = False
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(direction="maximize")
        self._starts = [{**self.base, **start} for start in ({}, *description.starts)]
        self._tried: set[str] = set()

    def ask(self) -> dict[str, Any] | None:
        """Hyperparameters not tried before, or None when there are none left to find."""
        tries = _TRIES_BY_TPE + _TRIES_AT_RANDOM if self.space else 1
        for attempt in range(-len(self._starts), tries):
            if self._starts:
                start = self._starts.pop(0)
                self._study.enqueue_trial({key: value for key, value in start.items() if key in self.space})
            self._study.sampler = self._sampler(attempt)
            trial = self._study.ask()
            params = self._draw(trial)
            # What it gives is added as a trial of its own: so the study holds what our tables hold.
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            if canonical(params) not in self._tried:
                self.claim(params)
                return params
        self.exhausted = True
        return None

    def claim(self, params: Mapping[str, Any]) -> None:
        """Note that these hyperparameters are tried, so that they are not proposed again."""
        self._tried.add(canonical(params))

    def put_back(self, params: Mapping[str, Any]) -> None:
        """These hyperparameters were asked for, but are not tried now; they come first when there is another chance."""
        self._tried.discard(canonical(params))
        self._starts.insert(0, dict(params))

    def tell(
        self, params: Mapping[str, Any], objective: float | None, pruned_at: tuple[int, float] | None = None
    ) -> None:
        """Learn what hyperparameters gave.

        Args:
            params: that were tried.
            objective: None if they gave nothing.
            pruned_at: (step, objective) at which the trial was pruned. TPE ranks such trials behind the complete
                ones, those that came further and gave more first.
        """
        self.claim(params)
        if objective is None and pruned_at is None:
            return
        drawn = {
            name: distribution
            for name, distribution in active(self.space, params).items()
            if name in params and distribution.contains(params[name])
        }
        self._study.add_trial(
            optuna.trial.create_trial(
                params={name: params[name] for name in drawn},
                distributions={name: to_optuna(distribution) for name, distribution in drawn.items()},
                value=objective,
                state=optuna.trial.TrialState.PRUNED if objective is None else optuna.trial.TrialState.COMPLETE,
                intermediate_values=dict([pruned_at]) if pruned_at is not None else None,
            )
        )

    def _sampler(self, attempt: int) -> optuna.samplers.BaseSampler:
        """A new one for each time: it remembers nothing but the study."""
        seed = stable_seed(self.seed, self.name, len(self._tried), attempt)
        if attempt < _TRIES_BY_TPE:
            return optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
        return optuna.samplers.RandomSampler(seed=seed)

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


def to_optuna(distribution: Int | Float | Choice) -> BaseDistribution:
    """As Optuna writes it."""
    match distribution:
        case Int(low, high, log, step):
            return IntDistribution(low, high, log=log, step=step)
        case Float(low, high, log):
            return FloatDistribution(low, high, log=log)
        case Choice(options=options):
            return CategoricalDistribution(options)
