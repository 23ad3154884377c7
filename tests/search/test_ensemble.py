"""An ensemble is made of what the finalists answer, and kept where it gains."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.search.conftest import METRIC, FakePool, Log, ended, scored
from workbench.contract.metric import Metric
from workbench.execution import ensembles
from workbench.execution.work import Fit, Result, Weigh, Weighed
from workbench.search.budget import Budget
from workbench.search.ensemble import assemble
from workbench.search.fits import Fits
from workbench.search.selection import DRAWS, Selection
from workbench.search.trial import Trial

USERS = 400
NOISE = 0.1
ONE_ERROR = NOISE / USERS**0.5
"""The standard error of a gain, where users' gains differ by `NOISE`."""


@dataclass
class Stage:
    """A run after its search, with what its workers give.

    Args:
        folder: of the run.
        means: the metric of each model, on every draw.
        gain: what the ensemble has more than the first of them.
        weights: that its workers choose.
        gains: whether they find that gain more than chance.
        measured: whether the metric is a mean over users.
    """

    folder: Path
    means: Mapping[str, float]
    gain: float = 0.0
    weights: tuple[int, ...] = (2, 1, 0)
    gains: bool = True
    measured: bool = True
    larger: bool = True
    budget: Budget = field(default_factory=lambda: Budget(math.inf, time.monotonic()))
    interrupted: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        for name in ("values", "models"):
            (self.folder / name).mkdir(exist_ok=True)
        self.pool = FakePool(self.answer, weigh=self.weigh)
        loads = {name: f"nowhere:{name}" for name in self.means}
        self.metric = Metric(METRIC, "", self.larger)
        self.fits = Fits(self.pool, self.folder, loads, (METRIC,), self.budget, self.interrupted)  # type: ignore[arg-type]
        self.trials = [
            ended(name, self.metric.objective(mean), at) for at, (name, mean) in enumerate(self.means.items())
        ]
        for trial in self.trials:
            self.drawn(trial, DRAWS)

    def drawn(self, trial: Trial, draws: int) -> None:
        """Have a trial scored on so many draws."""
        mean = self.means[trial.model]
        trial.draws = [self.metric.objective(mean)] * draws
        trial.scored = {draw: f"{trial.id}-draw{draw}" if draw else trial.id for draw in range(draws)}
        for id in trial.scored.values():
            self.leave(id, np.full(USERS, mean))

    def leave(self, id: str, values: Any) -> None:
        if self.measured:
            np.save(self.folder / "values" / f"{id}.npy", values.astype(np.float32))
            np.save(self.folder / "values" / f"{id}.ids.npy", np.arange(USERS))

    def answer(self, question: Fit) -> Result:
        if question.save is not None:
            Path(question.save).mkdir(parents=True)
        return scored(question, 0.6 if question.members else self.means[question.load.partition(":")[2]])

    def weigh(self, question: Weigh) -> Weighed:
        values = next(iter(self.means.values())) + self.gain + NOISE * np.tile([1.0, -1.0], USERS // 2)
        for draw in range(len(question.parts)):
            self.leave(f"{question.id}-draw{draw}" if draw else question.id, values)
        mean = float(values.mean())
        return Weighed(
            question.id,
            weights=self.weights,
            metrics={METRIC: mean},
            draws=(mean,) * len(question.parts),
            gains=self.gains,
            seconds=1.0,
        )

    def assemble(self, spare: float = 0.0) -> Trial | None:
        return assemble(self.trials, self.fits, self.metric, 17, spare)

    @property
    def questions(self) -> list[Weigh]:
        return [question for question in self.pool.asked if isinstance(question, Weigh)]


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., Stage]:
    def build(means: Mapping[str, float] | None = None, **how: Any) -> Stage:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        return Stage(folder, means or {"a": 0.5, "b": 0.45, "c": 0.4}, **how)

    return build


def test_it_is_kept_where_its_gain_is_more_than_chance_and_it_is_better_than_the_best(
    stage: Callable[..., Stage],
) -> None:
    assert stage(gain=0.001).assemble() is not None
    assert stage(gain=0.001, gains=False).assemble() is None
    assert stage(gain=-0.001).assemble() is None


def test_smaller_is_better_where_the_metric_says_so(stage: Callable[..., Stage]) -> None:
    means = {"a": 0.4, "b": 0.45, "c": 0.5}
    assert stage(means, larger=False, gain=0.1).assemble() is None
    kept = stage(means, larger=False, gain=-0.1)
    together = kept.assemble()
    assert together is not None and together.objective == pytest.approx(-0.3)
    assert [question.larger_is_better for question in kept.questions] == [False]


def test_without_values_of_examples_the_draws_decide(stage: Callable[..., Stage]) -> None:
    assert stage(measured=False, gain=1e-6).assemble() is not None
    assert stage(measured=False, gain=0.0).assemble() is None
    assert stage(measured=False, gain=-1e-6).assemble() is None


def test_it_is_a_trial_with_its_members_as_params(stage: Callable[..., Stage]) -> None:
    found = stage(gain=0.1, weights=(1, 0, 3))
    together = found.assemble()
    assert together is not None
    a, _, c = found.trials
    assert (together.number, together.model, together.is_ensemble) == (17, "ensemble", True)
    assert list(together.params.items()) == [(c.id, 3), (a.id, 1)]
    assert together.note == "c x3, a"
    assert together.draws == pytest.approx([0.6] * DRAWS)
    assert together.objective == pytest.approx(0.6)
    assert together.result is not None
    assert (together.state, together.result.fit_seconds) == ("complete", 2.0)
    assert together.result.metrics[METRIC] == pytest.approx(0.6)
    (asked,) = found.questions
    assert asked.parts == ("valid", "valid-1", "valid-2", "valid-3", "valid-4")
    assert asked.answers[0] == tuple(f"{trial.number}-answers" for trial in found.trials)
    assert asked.answers[3] == tuple(f"{trial.id}-draw3" for trial in found.trials)
    assert asked.seconds is None


def test_one_member_alone_is_no_ensemble(stage: Callable[..., Stage]) -> None:
    assert stage(gain=0.1, weights=(0, 5, 0)).assemble() is None


def test_who_was_not_scored_on_every_draw_is_no_member(stage: Callable[..., Stage]) -> None:
    found = stage(gain=0.1, weights=(1, 1))
    found.drawn(found.trials[1], 3)
    together = found.assemble()
    assert together is not None
    assert set(together.params) == {found.trials[0].id, found.trials[2].id}


def test_one_draw_or_one_model_is_too_little(stage: Callable[..., Stage]) -> None:
    single = stage(gain=0.1)
    for trial in single.trials:
        single.drawn(trial, 1)
    lonely = stage({"a": 0.5}, gain=0.1)
    for found in (single, lonely):
        assert found.assemble() is None
        assert found.pool.asked == []
    assert assemble([], single.fits, single.metric, 1, 0.0) is None


def test_who_gives_no_answers_is_no_member_but_must_be_beaten(stage: Callable[..., Stage]) -> None:
    def build(gain: float) -> tuple[Stage, Trial | None]:
        found = stage(gain=gain, weights=(1, 1))
        steady = found.pool.answer
        found.pool.answer = lambda question: (
            Result(question.id, "failed", "KeyError: 7") if question.load.endswith(":a") else steady(question)
        )
        return found, found.assemble()

    found, together = build(0.1)
    assert together is not None
    assert set(together.params) == {trial.id for trial in found.trials[1:]}
    assert build(-0.01)[1] is None, "better than its members, and worse than the best finalist"


def test_the_fit_of_the_search_answers_and_where_it_is_gone_another_that_is_kept(stage: Callable[..., Stage]) -> None:
    found = stage(gain=0.1)
    found.trials[0].search_folder = "here"
    found.assemble()
    first, second, _ = (question for question in found.pool.asked if isinstance(question, Fit))
    assert (first.restore, first.save, first.answers) == ("here", None, True)
    assert (second.restore, second.train, second.search) == (None, "train", True)
    assert found.trials[0].search_folder == "here"
    assert found.trials[1].search_folder == second.save


def test_why_there_is_none_is_noted(stage: Callable[..., Stage]) -> None:
    found = stage()
    found.pool.weigh = lambda question: Weighed(question.id, error="its worker died of SIGKILL")
    assert found.assemble() is None
    assert found.trials[0].note == "no ensemble: its worker died of SIGKILL"


def test_an_interrupt_is_no_reason_to_note(stage: Callable[..., Stage]) -> None:
    now: list[int] = []
    found = stage(interrupted=lambda: bool(now))
    steady = found.pool.weigh

    def stopped(question: Weigh) -> Weighed:
        now.append(1)
        return Weighed(question.id, error="its worker the run was interrupted")

    found.pool.weigh = stopped
    assert found.assemble() is None
    assert found.trials[0].note == ""
    again = stage(interrupted=lambda: True)
    again.pool.weigh = steady
    assert again.assemble() is None
    assert again.pool.asked == []


def test_what_comes_after_has_its_time(stage: Callable[..., Stage]) -> None:
    budget = Budget(100.0, time.monotonic())
    short = stage(gain=0.1, budget=budget)
    assert short.assemble(spare=budget.left - 2.5) is None, "three fits of a second each do not fit"
    assert short.pool.asked == []
    found = stage(gain=0.1, budget=budget)
    assert found.assemble(spare=20.0) is not None
    assert set(found.pool.deadlines) == {budget.deadline(20.0)}
    (asked,) = found.questions
    assert asked.seconds is not None and 0 < asked.seconds < (100 - 20) / 2
    quick = stage(gain=0.1, budget=budget)
    for trial in quick.trials:
        trial.search_folder = "here"
    assert quick.assemble(spare=budget.left - 4.5) is not None, "nothing needs to be fitted"


@pytest.fixture
def select() -> Callable[[Stage, int], tuple[Selection, list[Trial], Log]]:
    def run(stage: Stage, keep: int) -> tuple[Selection, list[Trial], Log]:
        log = Log()
        selection = Selection(stage.fits, stage.metric, keep, True, log)  # type: ignore[arg-type]
        for trial in stage.trials:
            trial.draws, trial.scored = trial.draws[:1], {}
        steady = stage.pool.answer

        def answer(question: Fit) -> Result:
            result = steady(question)
            if question.score.startswith("valid-"):
                stage.leave(question.id, np.full(USERS, result.metrics[METRIC]))
            return result

        stage.pool.answer = answer
        return selection, selection.rank(stage.trials, [], 17, lambda draw: True), log

    return run


def test_it_leads_the_ranking_and_is_announced_once(
    stage: Callable[..., Stage], select: Callable[[Stage, int], tuple[Selection, list[Trial], Log]]
) -> None:
    found = stage(gain=0.1)
    _, ranked, log = select(found, 1)
    assert [(trial.model, trial.rank, trial.tied) for trial in ranked] == [
        ("ensemble", 1, False), ("a", 2, False), ("b", 3, False), ("c", 4, False),
    ]  # fmt: skip
    assert (log.started, log.finished) == ([17], ["complete"])
    assert all(question.answers for question in found.pool.asked if isinstance(question, Fit))


def test_a_gain_of_little_more_than_one_error_is_a_tie(
    stage: Callable[..., Stage], select: Callable[[Stage, int], tuple[Selection, list[Trial], Log]]
) -> None:
    _, ranked, _ = select(stage(gain=1.2 * ONE_ERROR), 1)
    assert [(trial.model, trial.tied) for trial in ranked[:2]] == [("ensemble", True), ("a", True)]


def test_members_are_kept_beyond_keep_and_it_is_scored_on_test_by_their_final_fits(
    stage: Callable[..., Stage], select: Callable[[Stage, int], tuple[Selection, list[Trial], Log]]
) -> None:
    found = stage(gain=0.1, weights=(2, 0, 1))
    selection, ranked, _ = select(found, 1)
    selection.refit(ranked)
    together, a, b, c = ranked
    assert [trial.model_folder is not None for trial in ranked] == [True, True, False, True]
    assert together.model_folder is not None
    assert json.loads((Path(together.model_folder) / ensembles.MEMBERS).read_text()) == {a.id: 2, c.id: 1}
    asked = found.pool.asked[-1]
    assert [(member["folder"], member["weight"]) for member in asked.members] == [
        (a.model_folder, 2),
        (c.model_folder, 1),
    ]
    assert (asked.score, together.test, b.test) == ("test", {METRIC: 0.6}, {METRIC: 0.45})
    assert together.refit_seconds == 2.0


def test_a_member_that_cannot_be_fitted_again_answers_by_the_fit_before(
    stage: Callable[..., Stage], select: Callable[[Stage, int], tuple[Selection, list[Trial], Log]]
) -> None:
    found = stage(gain=0.1)
    selection, ranked, _ = select(found, 1)
    steady = found.pool.answer
    found.pool.answer = lambda question: (
        Result(question.id, "failed", "KeyError: 7")
        if question.load.endswith(":b") and question.train == "train_valid"
        else steady(question)
    )
    selection.refit(ranked)
    together, _, b, _ = ranked
    assert b.note == "refit failed: KeyError: 7; the fit of the search is used"
    assert found.pool.asked[-1].members[1]["folder"] == b.model_folder == b.search_folder
    assert together.test == {METRIC: 0.6}


def test_without_any_fit_of_a_member_it_is_not_kept(
    stage: Callable[..., Stage], select: Callable[[Stage, int], tuple[Selection, list[Trial], Log]]
) -> None:
    found = stage(gain=0.1)
    selection, ranked, _ = select(found, 1)
    steady = found.pool.answer
    found.pool.answer = lambda question: (
        Result(question.id, "failed", "OSError: full") if question.load.endswith(":b") else steady(question)
    )
    selection.refit(ranked)
    assert (ranked[0].model_folder, ranked[0].test) == (None, {})
    assert ranked[0].note == "a x2, b; not kept: a member has no fit"


def test_a_failure_on_test_is_noted_and_the_ensemble_kept(
    stage: Callable[..., Stage], select: Callable[[Stage, int], tuple[Selection, list[Trial], Log]]
) -> None:
    found = stage(gain=0.1)
    selection, ranked, _ = select(found, 1)
    steady = found.pool.answer
    found.pool.answer = lambda question: (
        Result(question.id, "memory", "used 9 MiB") if question.members else steady(question)
    )
    selection.refit(ranked)
    assert ranked[0].model_folder is not None
    assert (ranked[0].test, ranked[0].note) == ({}, "a x2, b; on test: memory, used 9 MiB")


def test_after_an_interrupt_it_is_kept_with_the_fits_of_the_search(
    stage: Callable[..., Stage], select: Callable[[Stage, int], tuple[Selection, list[Trial], Log]]
) -> None:
    now: list[int] = []
    found = stage(gain=0.1, interrupted=lambda: bool(now))
    selection, ranked, _ = select(found, 1)
    now.append(1)
    selection.refit(ranked)
    together, a, b, c = ranked
    assert together.model_folder is not None and together.test == {}
    assert (a.model_folder, b.model_folder, c.model_folder) == (a.search_folder, b.search_folder, None)


def test_once_there_can_be_an_ensemble_it_goes_before_more_draws(stage: Callable[..., Stage]) -> None:
    def draws_made(seconds: float, ensembles: bool) -> int:
        # Finalists of 1 s each, one worker: a round takes 3 s, and what follows as long.
        found = stage(budget=Budget(seconds, time.monotonic()))
        for trial in found.trials:
            trial.draws, trial.scored = trial.draws[:1], {}
        selection = Selection(found.fits, found.metric, 1, ensembles, Log())  # type: ignore[arg-type]
        selection.rank(found.trials, [], 17, lambda draw: True)
        return len(found.trials[-1].draws)

    assert draws_made(10.0, True) == 2, "no time for a draw, an ensemble and the final fits"
    assert draws_made(10.0, False) == DRAWS
    assert draws_made(30.0, True) == DRAWS
