"""From the best trials to a ranking that can be trusted: resampled validation, refit, test.

The lead on one draw of valid is often noise; the mean over several draws is a much better guide. So the best
trial of each of the best models is fitted and scored on further draws, the finalists are ranked by their mean,
and only then is test looked at, once.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.contract.metric import Metric
from workbench.execution.pool import Pool
from workbench.execution.work import Fit, Result
from workbench.metrics.significance import clearly_different, paired_z
from workbench.search.budget import Budget
from workbench.search.trial import Trial

FINALISTS = 5
DRAWS = 5
"""Draws of valid on which finalists are compared, the search's own included."""

POLL_SECONDS = 0.25
CAUTION = 1.2

_Answer = tuple[Trial, Result]


def finalists(trials: Sequence[Trial], baseline: str) -> list[Trial]:
    """The best trial of each of the best models, from the best; the baseline's best is always among them."""
    best: dict[str, Trial] = {}
    scored = [trial for trial in trials if trial.objective is not None]
    for trial in sorted(scored, key=lambda trial: (-(trial.objective or 0.0), trial.number)):
        best.setdefault(trial.model, trial)
    chosen = list(best.values())[:FINALISTS]
    if baseline in best and best[baseline] not in chosen:
        chosen.append(best[baseline])
    return chosen


@dataclass
class Selection:
    """Ranks the finalists of one run.

    Args:
        pool: where fits run.
        folder: of the run.
        loads: model -> where its class is.
        metric: that is searched.
        metrics: names of all that are computed, the searched one first.
        budget: of the run.
        keep: how many fitted models are kept.
        interrupted: says whether the user asked to stop.
    """

    pool: Pool
    folder: Path
    loads: Mapping[str, str]
    metric: Metric
    metrics: tuple[str, ...]
    budget: Budget
    keep: int
    interrupted: Callable[[], bool]

    def rank(self, chosen: list[Trial], write_draw: Callable[[int], bool]) -> list[Trial]:
        """Score on further draws as far as time goes, and rank; a baseline beyond the best five keeps its one draw.

        Args:
            chosen: the finalists, from the best.
            write_draw: writes the parts of a draw as `train-N` and `valid-N`; False if there is no such draw.
        """
        chosen, baseline = chosen[:FINALISTS], chosen[FINALISTS:]
        values = {trial.id: [self._values(trial.id)] for trial in chosen}
        slowest = self._round_seconds(chosen)
        # A single finalist needs no comparison beyond the baseline's, but its interval gains from the draws.
        for draw in range(1, DRAWS):
            need = CAUTION * (self._round_seconds(chosen) + slowest)
            if self.interrupted() or self.budget.left < need or not write_draw(draw):
                break
            began = time.monotonic()
            results = self._fit_all(chosen, f"train-{draw}", f"valid-{draw}", tag=f"draw{draw}", search=True)
            slowest = max(slowest, time.monotonic() - began)
            if any(result.state in ("timeout", "cancelled") for _, result in results):
                break
            for trial, result in results:
                if result.state == "complete":
                    trial.draws.append(self.metric.objective(result.metrics[self.metric.name]))
                    values[trial.id].append(self._values(result.id))
                else:
                    trial.note = trial.note or f"draw {draw} of valid: {result.state}, {result.reason}"
        for trial in chosen:
            trial.objective = float(np.mean(trial.draws))
        chosen.sort(key=lambda trial: (-len(trial.draws), -(trial.objective or 0.0), trial.number))
        self._compare(chosen, values)
        for rank, trial in enumerate(ranked := chosen + baseline, 1):
            trial.rank = rank
        return ranked

    def refit(self, ranked: list[Trial]) -> None:
        """Fit the finalists on train and valid and score them on test, once; the best ones are kept."""
        again: list[Trial] = []
        for trial, result in self._fit_all(ranked, "train_valid", "test", tag="final", save=True):
            if not self._finish(trial, result):
                trial.note = f"refit {result.state}: {result.reason}; the fit of the search is used"
                again.append(trial)
        again = [trial for trial in again if not self.interrupted()]
        for trial, result in self._fit_all(again, "train", "test", tag="search", save=True):
            if not self._finish(trial, result):
                trial.note = f"no fit could be kept: {result.state}, {result.reason}"

    def _finish(self, trial: Trial, result: Result) -> bool:
        if result.state != "complete":
            return False
        trial.test, trial.test_intervals = dict(result.metrics), dict(result.intervals)
        trial.refit_seconds = result.fit_seconds + result.shared_seconds
        folder = self._model_folder(trial, result.id.rpartition("-")[2])
        trial.model_folder = str(folder) if folder.exists() else None
        return True

    def _fit_all(
        self,
        trials: list[Trial],
        train: str,
        score: str,
        *,
        tag: str,
        search: bool = False,
        save: bool = False,
    ) -> list[_Answer]:
        """Fit every trial's model on one part and score it on another, as many at once as there are workers."""
        waiting = list(trials)
        running: dict[str, Trial] = {}
        answers: list[_Answer] = []
        while waiting or running:
            while waiting and self.pool.idle and not self.interrupted():
                trial = waiting.pop(0)
                kept = save and trial.rank is not None and trial.rank <= self.keep
                folder = self._model_folder(trial, tag) if kept else None
                if folder is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                id = f"{trial.id}-{tag}"
                running[id] = trial
                deadline = self.budget.deadline()
                seconds = None if deadline is None else max(0.0, deadline - time.monotonic())
                self.pool.submit(self._question(id, trial, train, score, search, seconds, folder), deadline)
            if self.interrupted():
                waiting.clear()
                self.pool.cancel("the run was interrupted")
            ended = [event for event in self.pool.events(POLL_SECONDS) if isinstance(event, Result)]
            answers += [(running.pop(event.id), event) for event in ended if event.id in running]
        return answers

    def _question(
        self,
        id: str,
        trial: Trial,
        train: str,
        score: str,
        search: bool,
        seconds: float | None,
        save: Path | None,
    ) -> Fit:
        return Fit(
            id, self.loads[trial.model], trial.params, trial.seed, train, score, self.metrics, search, seconds,
            None if save is None else str(save),
        )  # fmt: skip

    def _model_folder(self, trial: Trial, tag: str) -> Path:
        return self.folder / "models" / f"{trial.id}-{tag}"

    def _values(self, id: str) -> tuple[Any, Any] | None:
        """(values per example, which examples) of the searched metric, where it is a mean of such."""
        path = self.folder / "values" / f"{id}.npy"
        if not path.exists():
            return None
        return np.load(path, allow_pickle=False), np.load(path.with_suffix(".ids.npy"), allow_pickle=False)

    def _compare(self, ranked: list[Trial], values: dict[str, list[tuple[Any, Any] | None]]) -> None:
        """Give every finalist the interval of its mean, and mark those that the leader does not clearly beat."""
        sign = self.metric.objective(1.0)
        joined = {}
        for trial in ranked:
            draws = values[trial.id]
            if any(draw is None for draw in draws):
                continue
            known = [draw for draw in draws if draw is not None]
            joined[trial.id] = (
                np.concatenate([draw[0] for draw in known]),
                np.concatenate([draw[1] for draw in known]),
            )
            half = _half_width(*joined[trial.id])
            mean = self.metric.objective(trial.objective or 0.0)
            trial.interval = mean - half, mean + half
        rivals = [trial for trial in ranked[1:] if len(trial.draws) == len(ranked[0].draws)]
        for trial in rivals:
            if ranked[0].id in joined and trial.id in joined:
                leader, other = joined[ranked[0].id], joined[trial.id]
                z = sign * paired_z(leader[0], other[0], leader[1])
                trial.tied = not clearly_different(z, len(rivals))
        ranked[0].tied = any(trial.tied for trial in rivals)

    def _round_seconds(self, chosen: list[Trial]) -> float:
        """What one round of fits is expected to take."""
        costs = [trial.cost for trial in chosen]
        return max(sum(costs) / min(self.pool.size, len(costs)), *costs) if costs else 0.0


def _half_width(values: Any, examples: Any) -> float:
    """Half of the 95 % interval of the mean; an example met in several draws counts once."""
    _, group = np.unique(examples, return_inverse=True)
    means = np.bincount(group, values.astype(np.float64)) / np.bincount(group)
    if len(means) < 2:
        return math.inf
    return float(1.96 * means.std(ddof=1) / len(means) ** 0.5)
