"""From the best trials to a ranking that can be trusted: resampled validation, refit, test.

The lead on one draw of valid is often noise; the mean over several draws is a much better guide. So the best
trial of each of the best models is fitted and scored on further draws, the finalists are ranked by their mean,
and only then is test looked at, once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
        # The score on the search's own draw is known of all; its values per example are to be had again of some.
        earlier = [trial for trial in chosen if trial.earlier]
        values: dict[str, dict[int, Any]] = {
            trial.id: {} if trial.earlier else {0: self._values(trial.id)} for trial in chosen
        }
        slowest = self._round_seconds(chosen)
        for draw in range(0 if earlier else 1, DRAWS):
            need = CAUTION * (self._round_seconds(chosen + baseline) + slowest)
            began = time.monotonic()
            if self.interrupted() or self.budget.left < need or not (draw == 0 or write_draw(draw)):
                break
            train, valid = (f"train-{draw}", f"valid-{draw}") if draw else ("train", "valid")
            results = self._fit_all(chosen if draw else earlier, train, valid, tag=f"draw{draw}", search=True)
            slowest = max(slowest, time.monotonic() - began)
            if any(result.state in ("timeout", "cancelled") for _, result in results):
                break
            for trial, result in results:
                if result.state == "complete":
                    if draw:
                        trial.draws.append(self.metric.objective(result.metrics[self.metric.name]))
                    values[trial.id][draw] = self._values(result.id)
                else:
                    trial.remark(f"draw {draw} of valid: {result.state}, {result.reason}")
        for trial in chosen:
            trial.objective = float(np.mean(trial.draws))
        chosen.sort(key=lambda trial: (-len(trial.draws), -(trial.objective or 0.0), trial.number))
        self._compare(chosen, values)
        for rank, trial in enumerate(ranked := chosen + baseline, 1):
            trial.rank = rank
        return ranked

    def refit(self, ranked: list[Trial]) -> None:
        """Fit the finalists on train and valid and score them on test, once; the best ones are kept.

        Where that fails, or there is no time for it, the search's own fit is scored and kept instead. One model
        is always finished: for the best that has any fit, the budget may be overrun.
        """
        refits = [trial for trial in ranked if CAUTION * trial.cost < self.budget.left]
        for trial in ranked:
            if trial not in refits:
                trial.remark("no time for a refit")
        for trial, result in self._fit_all(refits, "train_valid", "test", tag="final", save=True):
            if not self._finish(trial, result):
                trial.remark(f"refit {result.state}: {result.reason}")
        for trial in ranked:
            if trial.test or trial.search_folder is None:
                continue
            if not self.interrupted():
                self._use_search_fit(trial, whatever_it_takes=not any(other.test for other in ranked))
            elif trial.rank is not None and trial.rank <= self.keep:
                trial.model_folder = trial.search_folder
                trial.remark("the fit of the search is kept")
        for trial in ranked:
            if trial.earlier and not self.interrupted() and not any(other.test for other in ranked):
                # Its fit went with its session.
                question = self._question(
                    f"{trial.id}-anew", trial, "train_valid", "test", False, None, self._model_folder(trial, "anew")
                )
                for _, result in self._run([(trial, question)], None):
                    if self._finish(trial, result):
                        trial.remark("fitted all the same, so that there is a model")

    def _use_search_fit(self, trial: Trial, *, whatever_it_takes: bool) -> None:
        deadline = None if whatever_it_takes else self.budget.deadline()
        question = replace(
            self._question(f"{trial.id}-restored", trial, "train", "test", False, None, None),
            restore=trial.search_folder,
        )
        for _, result in self._run([(trial, question)], deadline):
            if result.state != "complete":
                trial.remark(f"the search's fit: {result.state}, {result.reason}")
                continue
            _take_test(trial, result)
            trial.remark("the fit of the search is used")
            if trial.rank is not None and trial.rank <= self.keep:
                trial.model_folder = trial.search_folder

    def _finish(self, trial: Trial, result: Result) -> bool:
        if result.state != "complete":
            return False
        _take_test(trial, result)
        trial.refit_seconds = result.fit_seconds + result.shared_seconds
        folder = self._model_folder(trial, result.id.rpartition("-")[2])
        trial.model_folder = str(folder) if folder.exists() else None
        return True

    def _fit_all(
        self, trials: list[Trial], train: str, score: str, *, tag: str, search: bool = False, save: bool = False
    ) -> list[_Answer]:
        """Fit every trial's model on one part and score it on another."""
        deadline = self.budget.deadline()
        seconds = None if deadline is None else max(0.0, deadline - time.monotonic())
        questions = []
        for trial in trials:
            kept = save and trial.rank is not None and trial.rank <= self.keep
            folder = self._model_folder(trial, tag) if kept else None
            id = f"{trial.id}-{tag}"
            questions.append((trial, self._question(id, trial, train, score, search, seconds, folder)))
        return self._run(questions, deadline)

    def _run(self, questions: list[tuple[Trial, Fit]], deadline: float | None) -> list[_Answer]:
        """Have questions answered, as many at once as there are workers."""
        waiting = list(questions)
        running: dict[str, Trial] = {}
        answers: list[_Answer] = []
        while waiting or running:
            while waiting and self.pool.idle and not self.interrupted():
                trial, question = waiting.pop(0)
                running[question.id] = trial
                self.pool.submit(question, deadline)
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

    def _compare(self, ranked: list[Trial], values: dict[str, dict[int, Any]]) -> None:
        """Give every finalist the interval of its mean, and mark those that the leader does not clearly beat."""
        sign = self.metric.objective(1.0)
        for trial in ranked:
            joined = _joined(values[trial.id], set(values[trial.id]))
            half = math.inf if joined is None else _half_width(*joined)
            if math.isfinite(half):
                mean = self.metric.objective(trial.objective or 0.0)
                trial.interval = mean - half, mean + half
        leader = ranked[0]
        for trial in ranked[1:]:
            common = set(values[leader.id]) & set(values[trial.id])  # a finalist may have failed on a draw
            first, second = _joined(values[leader.id], common), _joined(values[trial.id], common)
            if first is not None and second is not None:
                z = sign * paired_z(first[0], second[0], first[1])
                trial.tied = not clearly_different(z, len(ranked) - 1)
        leader.tied = any(trial.tied for trial in ranked[1:])

    def _round_seconds(self, chosen: list[Trial]) -> float:
        """What one round of fits is expected to take."""
        costs = [trial.cost for trial in chosen]
        return max(sum(costs) / min(self.pool.size, len(costs)), *costs) if costs else 0.0


def _take_test(trial: Trial, result: Result) -> None:
    """Keep what scoring on test found."""
    trial.test, trial.test_intervals = dict(result.metrics), dict(result.intervals)
    trial.groups = result.groups
    trial.remark(*result.notes)


def _joined(values: dict[int, Any], draws: set[int]) -> tuple[Any, Any] | None:
    """(values, examples) over some draws, in order; None where the metric is no mean over examples."""
    parts = [values[draw] for draw in sorted(draws)]
    if not parts or any(part is None for part in parts):
        return None
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _half_width(values: Any, examples: Any) -> float:
    """Half of the 95 % interval of the mean; an example met in several draws counts once."""
    _, group = np.unique(examples, return_inverse=True)
    means = np.bincount(group, values.astype(np.float64)) / np.bincount(group)
    if len(means) < 2:
        return math.inf
    return float(1.96 * means.std(ddof=1) / len(means) ** 0.5)
