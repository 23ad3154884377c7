"""From the best trials to a ranking that can be trusted: resampled validation, refit, test.

The lead on one draw of valid is often noise; the mean over several draws is a much better guide. So the best
trial of each of the best models is fitted and scored on further draws, the finalists are ranked by their mean,
and only then is test looked at, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench.contract.metric import Metric
from workbench.execution import ensembles
from workbench.execution.work import Fit, Result
from workbench.search.budget import CAUTION, FINISH_OVERHEAD
from workbench.search.comparing import compare, lead, prefer_cheap
from workbench.search.ensemble import LEAST_DRAWS, assemble, part_of, question_of, seconds_to_assemble
from workbench.search.fits import Fits
from workbench.search.trial import Observer, Sizes, Trial, stable_seed

MODELS = 5
RUNNERS_UP = 3
DRAWS = 5
"""Draws of valid on which finalists are compared, the search's own included."""


def finalists(trials: Sequence[Trial], baseline: str) -> tuple[list[Trial], list[Trial]]:
    """The best trial of each of the best models and the best few of the rest; beside them the baseline.

    Returns:
        Those that are scored on further draws, from the best; and the baseline's best, where it is none of them.
    """
    best: dict[str, Trial] = {}
    scored = [trial for trial in trials if trial.objective is not None]
    scored.sort(key=lambda trial: (-(trial.objective or 0.0), trial.number))
    for trial in scored:
        best.setdefault(trial.model, trial)
    leaders = list(best.values())[:MODELS]
    rest = [trial for trial in scored if trial not in leaders and trial.model != baseline][:RUNNERS_UP]
    chosen = [trial for trial in scored if trial in leaders or trial in rest]
    yardstick = [best[baseline]] if baseline in best and best[baseline] not in chosen else []
    _foresee_shared(chosen + yardstick, trials)
    return chosen, yardstick


def _foresee_shared(chosen: Sequence[Trial], trials: Sequence[Trial]) -> None:
    """Let one finalist of each model pay for what they share, at most as much as any trial of it has."""
    most: dict[str, float] = {}
    for trial in trials:
        if trial.result is not None:
            most[trial.model] = max(most.get(trial.model, 0.0), trial.result.shared_seconds)
    for trial in chosen:
        trial.shared_anew = most.pop(trial.model, 0.0)


@dataclass(frozen=True)
class Selection:
    """Ranks the finalists of one run.

    Args:
        fits: has models fitted and scored.
        metric: that is searched.
        keep: how many fitted models are kept.
        ensembles: whether the task's models can answer together.
        observer: hears of an ensemble as of any trial.
        cost: of fitting and scoring a trial once, seconds; it decides between finalists that are as good.
        draws_before: on how many draws an earlier session has compared; its ranking stands where there are fewer now.
        sizes: of what is fitted and scored; with several folds there are no further draws and no ensembles.
    """

    fits: Fits
    metric: Metric
    keep: int
    ensembles: bool
    observer: Observer
    cost: Callable[[Trial], float] = lambda trial: trial.cost
    draws_before: int = 0
    sizes: Sizes = field(default_factory=Sizes)

    def rank(
        self, chosen: list[Trial], yardstick: list[Trial], next_number: int, write_draw: Callable[[int], bool]
    ) -> list[Trial]:
        """Score on further draws as far as time goes, and rank; the yardstick keeps its one draw and comes last.

        Where the task has ensembles, one is made of the finalists, and ranked among them if it gains.

        Args:
            chosen: the finalists, from the best; those that are too slow for it are taken out.
            yardstick: the baseline, where it is none of them.
            next_number: of an ensemble's trial.
            write_draw: writes the parts of a draw as `train-N` and `valid-N`; False if there is no such draw.
        """
        for trial in chosen:
            trial.scored = {} if trial.earlier else {0: trial.id}
        self._leave_out_slow(chosen, yardstick)
        slowest = self._draw(chosen, yardstick, write_draw)
        for trial in chosen:
            trial.objective = float(np.mean(trial.draws))
        _sort(chosen)
        if self.ensembles and self.sizes.folds > 1:
            chosen[0].remark("no ensemble is made with --folds")
        elif self.ensembles:
            # Rounds of draws tell what rounds really take, with the machine as busy as it is.
            pace = max(1.0, slowest / max(self.fits.round_seconds(chosen), 1e-3))
            final = self._final_seconds(chosen + yardstick) + self.sizes.extra(chosen)
            spare = FINISH_OVERHEAD + CAUTION * pace * final
            together = assemble(chosen, self.fits, self.metric, next_number, spare, pace)
            if together is not None:
                chosen.append(together)
                _sort(chosen)
        compare(chosen, self.metric, self.fits.values)
        prefer_cheap(chosen, self.metric, self.fits.values, self.cost)
        for trial in chosen:
            if trial.is_ensemble and len(chosen[0].draws) >= self.draws_before:
                self.observer.trial_started(trial)
                self.observer.trial_ended(trial)
        for rank, trial in enumerate(ranked := chosen + yardstick, 1):
            trial.rank = rank
        return ranked

    def _leave_out_slow(self, chosen: list[Trial], yardstick: list[Trial]) -> None:
        """Drop the slowest finalists where they keep the others from being compared in time.

        The best is dropped only where the next is within a standard error of it.
        """
        kept = list(chosen)
        while self.sizes.folds == 1 and len(kept) > 1:
            if (
                CAUTION * (self._final_seconds(kept + yardstick) + self.fits.round_seconds(kept))
                <= self.fits.budget.left
            ):
                for trial in (trial for trial in chosen if trial not in kept):
                    trial.remark("too slow to be compared with the others in the time that was left")
                chosen[:] = kept
                return
            advantage = lead(kept[0], kept[1], self.metric, self.fits.values)
            first = 0 if advantage is not None and advantage.value < advantage.error else 1
            kept.remove(max(kept[first:], key=lambda trial: trial.cost_anew))

    def _draw(self, chosen: list[Trial], yardstick: list[Trial], write_draw: Callable[[int], bool]) -> float:
        """Add to the finalists' draws as far as time goes; seconds that the slowest took."""
        # The score on the search's own draw is known of all; its values per example are to be had again of some.
        earlier = [trial for trial in chosen if trial.earlier]
        slowest = self.fits.round_seconds(chosen)
        for draw in range(0 if earlier else 1, DRAWS if self.sizes.folds == 1 else 1):
            need = CAUTION * (self._final_seconds(chosen + yardstick) + slowest)
            if self.ensembles and draw >= LEAST_DRAWS:  # once there can be an ensemble it goes before more draws
                need += FINISH_OVERHEAD + seconds_to_assemble(chosen, self.fits)
            began = time.monotonic()
            if self.fits.interrupted() or self.fits.budget.left < need or not (draw == 0 or write_draw(draw)):
                break
            questions = {trial.id: self._drawn(trial, draw) for trial in _longest_first(chosen if draw else earlier)}
            results = self.fits.run(questions.values(), self.fits.deadline)
            slowest = max(slowest, time.monotonic() - began)
            answered = [(trial, results.get(questions[trial.id].id)) for trial in chosen if trial.id in questions]
            if any(result is None or result.state in ("timeout", "cancelled") for _, result in answered):
                break
            for trial, result in answered:
                assert result is not None
                if result.state != "complete":
                    trial.remark(f"draw {draw} of valid: {result.state}, {result.reason}")
                    continue
                trial.scored[draw] = result.id
                if draw:
                    trial.draws.append(self.metric.objective(result.metrics[self.metric.name]))
                    trial.temperatures.append(result.temperature)
                else:
                    trial.search_folder = questions[trial.id].save
        return slowest

    def _drawn(self, trial: Trial, draw: int) -> Fit:
        """Asks for a finalist to be scored on a draw; on the search's own it is what an earlier session had."""
        if not draw:
            folder = str(self.fits.model_folder(trial, "search"))
            how = {"search": True, "save": folder, "folds": self.sizes.folds}
            return self.fits.question(trial, "train", part_of(0), "draw0", **how)
        # Each draw has luck of its own, or one lucky start would pass for a lead that all draws confirm.
        seed = stable_seed(trial.seed, "draw", draw)
        how = {"seed": seed, "search": True, "answers": self.ensembles}
        return self.fits.question(trial, f"train-{draw}", part_of(draw), f"draw{draw}", **how)

    def _final_seconds(self, trials: Sequence[Trial]) -> float:
        """What fitting and scoring these in the end is expected to take."""
        return self.fits.spread([self.sizes.final(trial) for trial in trials])

    def refit(self, ranked: list[Trial]) -> None:
        """Fit the finalists on train and valid and score them on test, once; the best ones are kept.

        Where that fails, or there is no time for it, the search's own fit is scored and kept instead. One model
        is always finished: for the best that has any fit, the budget may be overrun.
        """
        kept = self._kept(ranked)
        alone = [trial for trial in ranked if not trial.is_ensemble]
        refits = [trial for trial in alone if CAUTION * self.sizes.final(trial) < self.fits.budget.left]
        questions = {}
        # The best comes first, in case there is less time than expected.
        for trial in [*alone[:1], *_longest_first(alone[1:])]:
            if trial not in refits:
                trial.remark("no time for a refit")
                continue
            folder = str(self.fits.model_folder(trial, "final")) if trial.id in kept else None
            questions[trial.id] = self.fits.question(trial, "train_valid", "test", "final", save=folder)
        results = self.fits.run(questions.values(), self.fits.deadline)
        for trial in refits:
            result = results.get(questions[trial.id].id)
            if result is not None and not self._finish(trial, result):
                trial.remark(f"refit {result.state}: {result.reason}")
        for trial in alone:
            if trial.test or trial.search_folder is None:
                continue
            if not self.fits.interrupted():
                self._use_search_fit(trial, trial.id in kept, whatever_it_takes=not any(other.test for other in alone))
            elif trial.id in kept:
                trial.model_folder = trial.search_folder
                trial.remark("the fit of the search is kept")
        self._fit_anew(alone)
        for trial in ranked:
            if trial.is_ensemble:
                self._finish_ensemble(trial, alone)

    def _fit_anew(self, alone: Sequence[Trial]) -> None:
        """Finish one model where none is, of those whose fits went with their session."""
        for trial in alone:
            if not trial.earlier or self.fits.interrupted() or any(other.test for other in alone):
                continue
            folder = str(self.fits.model_folder(trial, "final"))
            question = self.fits.question(trial, "train_valid", "test", "anew", save=folder, seconds=None)
            for result in self.fits.run([question], None).values():
                if self._finish(trial, result):
                    trial.remark("fitted all the same, so that there is a model")

    def _kept(self, ranked: Sequence[Trial]) -> set[str]:
        """Ids of the trials whose fitted models are kept: the best, and what the best are made of."""
        best = [trial for trial in ranked if trial.rank is not None and trial.rank <= self.keep]
        return {trial.id for trial in best} | {id for trial in best if trial.is_ensemble for id in trial.params}

    def _use_search_fit(self, trial: Trial, kept: bool, *, whatever_it_takes: bool) -> None:
        deadline = None if whatever_it_takes else self.fits.deadline
        question = self.fits.question(trial, "train", "test", "restored", restore=trial.search_folder)
        for result in self.fits.run([question], deadline).values():
            if result.state != "complete":
                trial.remark(f"the search's fit: {result.state}, {result.reason}")
                continue
            _take_test(trial, result)
            trial.remark("the fit of the search is used")
            if kept:
                trial.model_folder = trial.search_folder

    def _finish(self, trial: Trial, result: Result) -> bool:
        if result.state != "complete":
            return False
        _take_test(trial, result)
        trial.refit_seconds = result.fit_seconds + result.shared_seconds
        folder = self.fits.model_folder(trial, "final")
        trial.model_folder = str(folder) if folder.exists() else None
        return True

    def _finish_ensemble(self, together: Trial, trials: Sequence[Trial]) -> None:
        """Score it on test by its members' final fits, and keep what says how they answer together."""
        folders = {trial.id: trial.model_folder for trial in trials if trial.id in together.params}
        there = {id: folder for id, folder in folders.items() if folder is not None}
        if len(there) < len(together.params):
            together.remark("not kept: a member has no fit")
            return
        folder = self.fits.model_folder(together, "final")
        ensembles.save(folder, together.params)
        together.model_folder = str(folder)
        together.refit_seconds = sum(trial.refit_seconds or 0.0 for trial in trials if trial.id in there)
        if self.fits.interrupted():
            return
        question = question_of(together, there, trials, self.fits)
        for result in self.fits.run([question], self.fits.deadline).values():
            if result.state == "complete":
                _take_test(together, result)
            else:
                together.remark(f"on test: {result.state}, {result.reason}")


def _sort(chosen: list[Trial]) -> None:
    chosen.sort(key=lambda trial: (-len(trial.draws), -(trial.objective or 0.0), trial.number))


def _longest_first(trials: Sequence[Trial]) -> list[Trial]:
    """So that workers end at about the same time."""
    return sorted(trials, key=lambda trial: -trial.cost_anew)


def _take_test(trial: Trial, result: Result) -> None:
    """Keep what scoring on test found."""
    trial.test, trial.test_intervals = dict(result.metrics), dict(result.intervals)
    trial.groups, trial.mistakes = result.groups, result.mistakes
    trial.remark(*result.notes)
