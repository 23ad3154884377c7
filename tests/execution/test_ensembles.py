"""Weights of models that answer together: chosen greedily, and what they give is what an ensemble gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.execution.asking import ask, question, works
from workbench.contract.context import Context
from workbench.contract.metric import Evaluation
from workbench.contract.model import Model
from workbench.contract.split import Split
from workbench.data import mapped
from workbench.data.interactions import Interactions
from workbench.errors import StoreError
from workbench.execution import ensembles, scoring, values
from workbench.execution.ensembles import FOLDS, PATIENCE, ROUNDS, Cell, folds_of, gain, greedy, merged, others, weigh
from workbench.execution.pool import Pool
from workbench.execution.work import Fit, Setup, Weigh, Weighed
from workbench.folders import run_folder
from workbench.parts import write_parts
from workbench_recommend import workbench_models
from workbench_recommend.blending import Ensemble
from workbench_recommend.task import Recommend

TASK = Recommend()
LOADS = {spec.name: spec.load for spec in workbench_models()}
MEMBERS = ("ease", "bpr", "popular", "item-knn")


def never() -> bool:
    return False


@st.composite
def value_functions(draw: st.DrawFn) -> tuple[int, Callable[[Sequence[int]], float]]:
    """A value of every weights, many of them equal."""
    n, seed, levels = draw(st.integers(1, 4)), draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from([2, 10, 10**6]))

    def value(weights: Sequence[int]) -> float:
        return float(np.random.default_rng([seed, *weights]).integers(levels))

    return n, value


@given(value_functions())
def test_greedy_follows_the_best_step_and_returns_the_best_place_on_its_way(
    given: tuple[int, Callable[[Sequence[int]], float]],
) -> None:
    n, value = given
    way: list[tuple[int, ...]] = []
    here = (0,) * n
    for _ in range(ROUNDS):
        steps = [tuple(weight + (at == model) for at, weight in enumerate(here)) for model in range(n)]
        here = max(steps, key=value)  # the first of equals
        way.append(here)
        if len(way) > PATIENCE and max(map(value, way[:-PATIENCE])) >= max(map(value, way[-PATIENCE:])):
            break
    assert greedy(n, value, never) == max(way, key=value)


def test_greedy_finds_two_that_are_best_together() -> None:
    target = np.array([0.75, 0.0, 0.25])
    assert greedy(3, lambda weights: -float(np.abs(np.array(weights) / sum(weights) - target).sum()), never) == (
        3,
        0,
        1,
    )


def test_greedy_is_content_when_told_but_takes_one() -> None:
    assert greedy(3, lambda weights: weights[2] - weights[0], lambda: True) == (0, 0, 1)


def cells(n_draws: int) -> list[Cell]:
    return [Cell(draw, fold, 1 / FOLDS, lambda _: 0.0) for draw in range(n_draws) for fold in range(FOLDS)]


def test_what_chooses_weights_shares_no_draw_and_no_example_with_what_judges_them() -> None:
    found = [(cell.draw, cell.fold) for cell in others(cells(3), 1, 2)]
    assert found == [(draw, fold) for draw in (0, 2) for fold in range(FOLDS) if fold != 2]
    assert [cell.fold for cell in others(cells(1), 0, 2)] == [fold for fold in range(FOLDS) if fold != 2]
    (only,) = cells(1)[:1]
    assert others([only], 0, 0) == [only]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=50, unique=True), st.integers(1, 7))
def test_an_example_is_in_the_same_fold_in_every_draw_and_folds_are_of_about_one_size(
    ids: list[int], step: int
) -> None:
    of_draw = Evaluation({}, {}, np.array(ids))
    again = folds_of(Evaluation({}, {}, np.array(ids[::-1])), np.arange(len(ids)))
    assert folds_of(of_draw, np.arange(len(ids))).tolist() == again[::-1].tolist()
    regular = folds_of(Evaluation({}), np.arange(0, 1000 * step, step))
    assert (abs(np.bincount(regular, minlength=FOLDS) - 1000 / FOLDS) < 60).all()


def test_a_draw_is_put_together_from_its_folds() -> None:
    ids = np.arange(40)
    each = [Evaluation({"m": float(n), "c": float(n)}, {"m": np.full(40, n, np.float32)}, ids) for n in range(FOLDS)]
    found = merged(each, ids)
    in_fold = folds_of(each[0], ids)
    assert found.per_example["m"].tolist() == in_fold.tolist()
    assert found.metrics == {"m": pytest.approx(in_fold.mean()), "c": pytest.approx((FOLDS - 1) / 2)}


def test_a_gain_is_paired_over_examples_or_else_over_draws() -> None:
    luck = np.random.default_rng(0).normal(size=(2, 50)).astype(np.float32)
    alone = [Evaluation({"m": 0.0}, {"m": row}, np.arange(50)) for row in luck]
    together = [Evaluation({"m": 0.1}, {"m": row + np.float32(0.1)}, np.arange(50)) for row in luck]
    by = gain(together, alone, "m")
    assert by.value == pytest.approx(0.1) and by.error < 1e-6
    draws = gain(*([Evaluation({"m": value}) for value in of] for of in ([0.7, 0.5, 0.4], [0.5, 0.5, 0.5])), "m")
    assert draws.value == pytest.approx(0.1 / 3)
    assert draws.error == pytest.approx(np.std([0.2, 0.0, -0.1], ddof=1) / 3**0.5)


class Shy(Model):
    """Popularity for every other user, and no word on the rest."""

    def fit(self, train: Interactions, context: Context) -> None:
        self.scores_ = np.bincount(train.items, minlength=train.n_items).astype(np.float32)

    def score(self, users: Any) -> Any:
        return np.where(users[:, None] % 2 == 0, self.scores_, np.float32(-np.inf))


@pytest.fixture(scope="module")
def run() -> Iterator[tuple[Path, Split[Interactions], dict[str, list[Any]]]]:
    """A run's folder with two draws, what was split, and models fitted on each draw."""
    with run_folder() as folder:
        dataset = TASK.read(TASK.example(1), {})
        split = TASK.split(dataset, "user-random", 0)
        write_parts(folder, dataset.encoding, split)
        drawn = TASK.resample(split, 1, 0)
        parts = mapped.Writer(folder / "parts")
        parts.write(drawn[0], "train-1")
        parts.write(drawn[1], "valid-1")
        models: dict[str, list[Any]] = {}
        for name in (*MEMBERS, "shy"):
            for train in (split.train, drawn[0]):
                module, _, kind = LOADS.get(name, ":").partition(":")
                model = getattr(import_module(module), kind).build({}) if module else Shy()
                model.fit(train, Context(seed=0))
                models.setdefault(name, []).append(model)
        yield folder, split, models


@pytest.mark.parametrize(
    ("metric", "larger"),
    [("ndcg@10", True), ("coverage@10", True), ("gini@10", False), ("recall@25", True), ("far@250", True)],
)
@pytest.mark.parametrize("examples", [2_000, 7])
def test_weights_give_what_an_evaluation_of_the_ensemble_gives(
    run: tuple[Path, Split[Interactions], dict[str, list[Any]]],
    metric: str,
    larger: bool,
    examples: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, _, models = run
    monkeypatch.setattr(ensembles, "EXAMPLES", examples)
    scorers = {"far@250": f"{__name__}:far"}
    metrics = (metric, "ndcg@5")
    names = [*MEMBERS, "shy"]
    parts = [mapped.read(Interactions, folder / "parts", name) for name in ("valid", "valid-1")]
    tag = f"{metric}-{examples}"
    alone = []
    for name in names:
        for draw, part in enumerate(parts):
            model = models[name][draw]
            values.keep_answers(folder, f"{name}-{draw}-{tag}", TASK.answers(model, part, metrics))
        alone.append(scoring.evaluate(TASK, models[name][0], parts[0], metrics, scorers)[0].metrics[metric])
    ids = tuple(tuple(f"{name}-{draw}-{tag}" for name in names) for draw in range(2))
    asked = Weigh(f"together-{tag}", ("valid", "valid-1"), ids, metrics, larger)
    ways: list[tuple[int, ...]] = []

    def noted(*given: Any) -> tuple[int, ...]:
        ways.append(greedy(*given))
        return ways[-1]

    monkeypatch.setattr(ensembles, "greedy", noted)
    found = weigh(TASK, folder, asked, lambda name: parts[["valid", "valid-1"].index(name)], scorers)
    assert found.error == ""
    assert found.weights == ways.pop(0)
    for draw, part in enumerate(parts):
        own, ways = ways[:FOLDS], ways[FOLDS:]
        each = []
        for weights in own:
            members = [models[name][draw] for name, weight in zip(names, weights, strict=True) if weight]
            together = Ensemble(members, [weight for weight in weights if weight])
            each.append(scoring.evaluate(TASK, together, part, metrics, scorers)[0])  # type: ignore[arg-type]
        kept = values.read(folder, f"{asked.id}-draw{draw}" if draw else asked.id)
        if metric in ("coverage@10", "gini@10"):
            assert kept is None
            assert found.draws[draw] == pytest.approx(np.mean([evaluation.metrics[metric] for evaluation in each]))
            continue
        assert kept is not None
        users = each[0].example_ids
        assert users is not None and np.array_equal(kept[1], users)
        in_fold = folds_of(each[0], np.arange(len(users)))
        for fold, evaluation in enumerate(each):
            judged = in_fold == fold
            assert judged.any()
            assert np.array_equal(kept[0][judged], evaluation.per_example[metric][judged])
        assert found.draws[draw] == pytest.approx(kept[0].mean(dtype="float64"))
        if not draw:
            assert found.metrics[metric] == found.draws[0]
            assert 0 < found.metrics["ndcg@5"] < 1
            assert set(found.intervals) == set(metrics)
    if examples > 100 and metric in ("coverage@10", "gini@10"):
        assert (max if larger else min)(*alone, found.draws[0]) == pytest.approx(found.draws[0], abs=0.1)


def far(scored: Any) -> Any:
    """A plugin's metric that looks further down than answers are kept: where the first hit stands, from the end."""
    items = scored.answers["items"]
    hits = np.take_along_axis(scored.truth.toarray() != 0, np.maximum(items, 0), axis=1) & (items >= 0)
    return np.where(hits.any(axis=1), 250.0 - hits.argmax(axis=1), 0.0)


def test_the_time_that_is_given_bounds_the_rounds(
    run: tuple[Path, Split[Interactions], dict[str, list[Any]]],
) -> None:
    folder, _, models = run
    part = mapped.read(Interactions, folder / "parts", "valid")
    for name in ("ease", "popular"):
        values.keep_answers(folder, f"{name}-hurry", TASK.answers(models[name][0], part, ["ndcg@10"]))
    asked = Weigh("hurry", ("valid",), (("ease-hurry", "popular-hurry"),), ("ndcg@10",), True, seconds=0.0)
    assert sum(weigh(TASK, folder, asked, lambda _: part, {}).weights) == 1


def test_what_an_ensemble_is_comes_back_and_nothing_else_does(tmp_path: Path) -> None:
    ensembles.save(tmp_path / "good", {"ab": 2, "cd": 1})
    assert ensembles.restore(tmp_path / "good") == {"ab": 2, "cd": 1}
    for number, text in enumerate(['{"ab": -1}', '{"ab": 1.5}', "[1]", "{}", "no", '{"ab": 26}', '{"ab": true}']):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ensembles.MEMBERS).write_text(text)
        with pytest.raises(StoreError, match=r"members\.json of an ensemble"):
            ensembles.restore(folder)


def test_members_in_a_worker_score_as_an_ensemble_in_process(pool: Pool, folder: Path, tmp_path: Path) -> None:
    members, models = [], []
    for name, weight in (("ease", 2), ("popular", 1)):
        place = tmp_path / name
        fitted = ask(
            pool, Fit(f"{name}-fit", LOADS[name], {}, 0, "train", "valid", ("ndcg@10",), True, save=str(place))
        )
        assert fitted.state == "complete"
        members.append({"load": LOADS[name], "params": {}, "folder": str(place), "weight": weight})
        module, _, kind = LOADS[name].partition(":")
        models.append(getattr(import_module(module), kind).build({}))
        models[-1].restore(place)
    asked = Fit("together", "", {}, 0, "train", "test", ("ndcg@10", "novelty@10"), False, members=tuple(members))
    result = ask(pool, asked)
    test = mapped.read(Interactions, folder / "parts", "test")
    expected = TASK.evaluate(Ensemble(models, [2, 1]), test, ["ndcg@10", "novelty@10"])  # type: ignore[arg-type]
    assert result.metrics == expected.metrics
    assert result.groups
    there, gone = members[0], {**members[1], "folder": str(tmp_path / "gone")}
    broken = ask(pool, Fit("broken", "", {}, 0, "train", "test", ("ndcg@10",), False, members=(there, gone)))
    assert broken.state == "failed"
    works(pool)


def test_a_worker_that_dies_while_weighing_says_so_and_is_replaced(setup: Setup, folder: Path) -> None:
    scorers = {"deadly": "workbench_faulty.metrics:deadly", "broken": "workbench_faulty.metrics:broken"}
    deadly = Setup(setup.folder, setup.task, 1, "cpu", scorers)
    with Pool(deadly, 1, grace=1.0) as own:
        asked = question("Good")
        own_answers = Fit(**{**vars(asked), "answers": True, "id": "weighed"})
        assert ask(own, own_answers).state == "complete"
        ids = (("weighed", "weighed"),)
        died = ask(own, Weigh("dies", ("valid",), ids, ("deadly",), True))  # type: ignore[arg-type]
        assert died == Weighed("dies", error="its worker ended without a result (exit code 3)")
        raised = ask(own, Weigh("raises", ("valid",), ids, ("broken",), True))  # type: ignore[arg-type]
        assert raised.error == "metric broken: RuntimeError: out of order"
        nothing = ask(own, Weigh("lost", ("valid",), (("nowhere", "weighed"),), ("ndcg@10",), True))  # type: ignore[arg-type]
        assert nothing.error.startswith("FileNotFoundError")
        works(own)
