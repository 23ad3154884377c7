"""What the finish of a run will take, so that the search leaves time for it."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.search.budget import CAUTION, makespan
from workbench.search.ensemble import WEIGHING_SECONDS
from workbench.search.selection import DRAWS, finalists
from workbench.search.trial import Sizes, Trial

ROUND = 1.2
"""A round on a draw takes so many times as long as its fits and scores where answers are written for an ensemble."""


def seconds_to_finish(
    trials: Sequence[Trial], baseline: str, workers: int, drawing: float, sizes: Sizes, ensembles: bool
) -> float:
    """Seconds for all that comes after a search that ends with these trials: see `Selection`.

    Args:
        trials: that have ended.
        baseline: its name.
        workers: how many.
        drawing: seconds that it takes to draw another valid.
        sizes: of what is fitted and scored then.
        ensembles: whether an ensemble is made.
    """
    chosen, yardstick = finalists(trials, baseline)
    rounds = makespan([trial.cost_anew for trial in chosen], workers)
    refits = makespan([sizes.final(trial) for trial in chosen + yardstick], workers)
    # A draw begins only where it and the final fits have room to spare.
    seconds = refits + (CAUTION - 1) * (rounds + refits)
    seconds += makespan([trial.cost_anew for trial in chosen if trial.earlier], workers)
    if sizes.folds > 1:
        return seconds
    seconds += (DRAWS - 1) * ((ROUND if ensembles else 1) * rounds + drawing)
    if ensembles and len(chosen) > 1:
        # To answer takes as long as to be scored; on the first draw, restored models are scored once more before.
        answers = makespan([trial.result.score_seconds for trial in chosen if trial.result is not None], workers)
        seconds += (DRAWS + 1) * answers + WEIGHING_SECONDS + sizes.extra(chosen)
    return seconds
