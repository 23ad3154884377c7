"""Several finalists that answer together: made, and kept if they do better than the best of them alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.contract.metric import Metric
from workbench.contract.task import ENSEMBLE
from workbench.execution.work import Result, Weigh, Weighed
from workbench.search.comparing import lead
from workbench.search.fits import Fits
from workbench.search.trial import Trial

WEIGHING = 0.3
"""Of the time that is left: how much may go by until the best weights so far have to do."""

WEIGHING_SECONDS = 2.0
"""What weighing may take, which looks at no more than so many examples of a draw; with less time, it is not begun."""

AS_LONG = 1.0
"""Weighing is begun where so many times what the answers took is left; it took half of that where it was measured."""

LEAST_DRAWS = 2
"""On a single draw weights would fit its luck."""


def part_of(draw: int) -> str:
    """The part that a draw is scored on."""
    return f"valid-{draw}" if draw else "valid"


def assemble(
    finalists: Sequence[Trial], fits: Fits, metric: Metric, number: int, spare: float, pace: float = 1.0
) -> Trial | None:
    """An ensemble of those finalists that were scored on every draw; None where that is no gain.

    Args:
        finalists: from the best, with their answers on every further draw left by workers.
        fits: asks workers.
        metric: that is searched.
        number: of the new trial.
        spare: seconds to leave for what comes after.
        pace: how many times as long as it should a round of fits takes.
    """
    draws = sorted(finalists[0].scored) if finalists else []
    members = [trial for trial in finalists if set(trial.scored) >= set(draws)]
    need = spare + seconds_to_assemble(members, fits, pace)
    if len(members) < 2 or len(draws) < LEAST_DRAWS or fits.budget.left < need:
        return None
    deadline, began = fits.budget.deadline(spare), time.monotonic()
    members = _with_answers(members, fits, deadline)
    left = fits.budget.left - spare
    if len(members) < 2 or left < AS_LONG * (time.monotonic() - began):
        return None
    together = Trial(number, ENSEMBLE, {}, 0)
    answers = tuple(
        tuple(trial.scored[draw] if draw else fits.id_of(trial, "answers") for trial in members) for draw in draws
    )
    weighed = fits.weigh(
        Weigh(
            together.id,
            tuple(part_of(draw) for draw in draws),
            answers,
            fits.metrics,
            metric.larger_is_better,
            seconds=WEIGHING * left if fits.budget.bounded else None,
        ),
        deadline,
    )
    if weighed is None or fits.interrupted():
        return None
    if weighed.error:
        finalists[0].remark(f"no ensemble: {weighed.error}")
        return None
    if not weighed.gains or np.count_nonzero(weighed.weights) < 2:
        return None
    _describe(together, members, draws, weighed, metric)
    return together if _gains(together, finalists[0], fits, metric) else None


def question_of(together: Trial, folders: Mapping[str, str], trials: Sequence[Trial], fits: Fits) -> Any:
    """Asks for an ensemble's members, fitted and lying in these folders, to be scored together on test."""
    members = tuple(
        {"load": fits.loads[trial.model], "params": trial.params, "folder": folders[trial.id], "weight": weight}
        for trial in trials
        if (weight := together.params.get(trial.id))
    )
    return fits.question(together, "", "test", "final", members=members)


def seconds_to_assemble(members: Sequence[Trial], fits: Fits, pace: float = 1.0) -> float:
    """What it is expected to take that these give their answers and are weighed."""
    results = [(trial, trial.result) for trial in members if trial.result is not None]
    costs = [result.score_seconds if trial.search_folder else trial.cost_anew for trial, result in results]
    return pace * fits.spread(costs) + WEIGHING_SECONDS


def _with_answers(members: Sequence[Trial], fits: Fits, deadline: float | None) -> list[Trial]:
    """Those members that give their answers on the first draw: by the search's fit, or where it is gone by another.

    That other fit takes the place of the search's, for a member whose final fit fails.
    """
    again = {trial.id: str(fits.model_folder(trial, "search")) for trial in members if trial.search_folder is None}
    questions = [
        fits.question(
            trial,
            "train",
            "valid",
            "answers",
            search=True,
            restore=trial.search_folder,
            save=again.get(trial.id),
            answers=True,
        )
        for trial in members
    ]
    results = fits.run(questions, deadline)
    there = [trial for trial in members if _complete(results.get(fits.id_of(trial, "answers")))]
    for trial in there:
        trial.search_folder = again.get(trial.id, trial.search_folder)
    return there


def _complete(result: Result | None) -> bool:
    return result is not None and result.state == "complete"


def _describe(
    together: Trial, members: Sequence[Trial], draws: Sequence[int], weighed: Weighed, metric: Metric
) -> None:
    """Make the trial what it was found to be."""
    taken = [(trial, weight) for trial, weight in zip(members, weighed.weights, strict=True) if weight]
    taken.sort(key=lambda pair: -pair[1])
    together.params = {trial.id: weight for trial, weight in taken}
    together.remark(", ".join(f"{trial.model} x{weight}" if weight > 1 else trial.model for trial, weight in taken))
    together.draws = [metric.objective(value) for value in weighed.draws]
    together.objective = float(np.mean(together.draws))
    together.scored = {draw: f"{together.id}-draw{draw}" if draw else together.id for draw in draws}
    results = [trial.result for trial, _ in taken if trial.result is not None]
    together.result = Result(
        together.id,
        "complete",
        metrics=weighed.metrics,
        intervals=weighed.intervals,
        temperature=weighed.temperature,
        fit_seconds=sum(result.fit_seconds for result in results),
        score_seconds=sum(result.score_seconds for result in results),
        cpu_seconds=sum(result.cpu_seconds for result in results),
        peak_memory_bytes=max(result.peak_memory_bytes for result in results),
    )


def _gains(together: Trial, best: Trial, fits: Fits, metric: Metric) -> bool:
    """Whether it does better than the best finalist, which may be none of those that could be members."""
    ahead = lead(together, best, metric, fits.values)
    if ahead is not None:
        return ahead.value > 0
    same = len(together.draws) == len(best.draws)
    return same and (together.objective or 0.0) > (best.objective or 0.0)
