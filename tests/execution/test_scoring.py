"""Metrics of plugins: computed from the answers, and missing alone where they fail."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from tests.execution.asking import answers, ask, question
from workbench.contract.metric import SHARE, Evaluation, Group, Metric, Mistake, Scored
from workbench.contract.model import Model
from workbench.contract.task import Task
from workbench.errors import ModelError, PluginError
from workbench.execution.pool import Pool
from workbench.execution.scoring import TEXT_KEPT, evaluate, intervals, is_finite, joined, mean, temperature
from workbench.execution.work import Setup

HERE = "tests.execution.test_scoring"
TRUTH = np.array([1.0, 0.0, 1.0])


class Guess(Task[str]):
    """A task whose models answer with numbers."""

    metrics = (Metric("own", "a share", bounds=SHARE),)

    def evaluate(self, model: Model, part: str, metrics: Sequence[str]) -> Evaluation:
        values = np.array([0.5, 0.25, 1.0], np.float32)
        known = {"own": float(values.mean())} if "own" in metrics else {}
        return Evaluation(known, {"own": values}, np.array([7, 8, 9]), {"guesses": np.arange(3.0)}, TRUTH)

    def groups(self, evaluation: Evaluation, part: str, metrics: Sequence[str]) -> tuple[Group, ...]:
        return (Group("size", "small", metrics[0], np.float32(0.5), np.int64(2)),)  # type: ignore[arg-type]


class Silent(Guess):
    """Gives no answers."""

    def evaluate(self, model: Model, part: str, metrics: Sequence[str]) -> Evaluation:
        return replace(super().evaluate(model, part, metrics), answers={})


def error(scored: Scored) -> Any:
    assert scored.truth is TRUTH
    return np.abs(scored.answers["guesses"] - scored.truth)


def count(scored: Scored) -> Any:
    return len(scored.part) + int(scored.rows.sum())


def prints(scored: Scored) -> Any:
    print("hello")
    return np.float32(0.5)


def writes(scored: Scored) -> Any:
    scored.answers["guesses"][0] = 9
    return 1.0


def raises(scored: Scored) -> Any:
    raise ValueError("no idea")


def leaves(scored: Scored) -> Any:
    sys.exit(3)


GIVEN: dict[str, Any] = {
    "nan": float("nan"),
    "none": None,
    "true": True,
    "huge": 10**5000,
    "text": "0.5",
    "one_nan": np.array([1.0, np.nan, 0.0]),
    "too_large": np.array([1e300, 0.0, 0.0]),
    "short": np.zeros(2),
    "square": np.zeros((3, 3)),
    "texts": np.array(["a", "b", "c"]),
    "listed": [0.1, 0.2, 0.3],
}


def __getattr__(name: str) -> Callable[[Scored], Any]:
    """A function for everything in GIVEN."""
    if name not in GIVEN:
        raise AttributeError(name)
    return lambda scored: GIVEN[name]


def score(*names: str, task: Task[Any] | None = None, groups: bool = False) -> tuple[Evaluation, tuple[str, ...]]:
    scorers = {name: f"{HERE}:{name}" for name in names if name != "own"}
    return evaluate(task or Guess(), Model(), "part", names, scorers, groups=groups)


def test_values_per_example_have_the_metric_as_their_mean_and_a_number_is_one() -> None:
    found, notes = score("own", "error", "count")
    assert found.per_example["error"].dtype == np.float32
    assert found.per_example["error"].tolist() == [1.0, 1.0, 1.0]
    assert found.metrics == {"own": pytest.approx(7 / 12), "error": 1.0, "count": 28.0}
    assert set(found.per_example) == {"own", "error"}
    assert notes == ()
    assert found.groups == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raises", "metric raises: ValueError: no idea"),
        ("leaves", "metric leaves: SystemExit: 3"),
        ("writes", "metric writes: ValueError: assignment destination is read-only"),
        ("gone", f"metric gone: {HERE}:gone cannot be loaded"),
        ("nan", "metric nan is nan; a finite number, or an array of a number a row, is needed"),
        ("none", "metric none is None; a finite number"),
        ("true", "metric true is True; a finite number"),
        ("huge", "metric huge is a int; a finite number"),
        ("text", "metric text is a str; a finite number"),
        ("texts", "metric texts is a ndarray; a finite number"),
        ("listed", "metric listed is a list; a finite number"),
        ("one_nan", "metric one_nan gives values that are not finite"),
        ("too_large", "metric too_large gives values that are not finite"),
        ("short", "metric short gives values of shape (2,); (3,) or a single number is needed"),
        ("square", "metric square gives values of shape (3, 3); (3,) or"),
    ],
)
def test_a_metric_that_fails_is_missing_alone_unless_it_is_the_one_that_must_be_there(name: str, reason: str) -> None:
    found, (note,) = score("own", name, "count")
    assert set(found.metrics) == {"own", "count"}
    assert note.startswith(reason)
    assert len(note) <= 200
    with pytest.raises((ModelError, PluginError)) as caught:
        score(name, "own")
    assert str(caught.value).startswith(reason)


def test_every_metric_that_is_missing_is_named() -> None:
    assert score("own", "raises", "short")[1] == (
        "metric raises: ValueError: no idea",
        "metric short gives values of shape (2,); (3,) or a single number is needed",
    )


def test_a_module_that_fails_in_any_way_when_it_is_imported_is_a_missing_metric(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name, code in {"quits": "raise SystemExit(2)", "bad": "def (", "rude": "raise RuntimeError('no')"}.items():
        (tmp_path / f"metric_that_{name}.py").write_text(code)
        _, (note,) = evaluate(Guess(), Model(), "part", ("own", "m"), {"m": f"metric_that_{name}:compute"})
        assert note.startswith("metric m: ")


def test_a_metric_needs_answers() -> None:
    assert score("own", "error", task=Silent())[1] == ("metric error: the task gives no answers to compute it from",)


def test_what_a_metric_prints_is_not_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert score("own", "prints")[0].metrics["prints"] == 0.5
    assert capsys.readouterr() == ("", "hello\n")


def test_a_task_without_numbers_for_its_examples_has_them_counted() -> None:
    class Plain(Guess):
        def evaluate(self, model: Model, part: str, metrics: Sequence[str]) -> Evaluation:
            return replace(super().evaluate(model, part, metrics), example_ids=None)

    assert score("own", "count", task=Plain())[0].metrics["count"] == len("part") + 0 + 1 + 2


def test_groups_are_given_when_asked_for_as_plain_values() -> None:
    (group,) = score("own", groups=True)[0].groups
    assert group == Group("size", "small", "own", 0.5, 2)
    assert (type(group.value), type(group.count)) == (float, int)


def test_a_group_without_a_finite_value_is_refused_by_name() -> None:
    class Wrong(Guess):
        def groups(self, evaluation: Evaluation, part: str, metrics: Sequence[str]) -> tuple[Group, ...]:
            return (Group("size", "none", "own", float("nan"), 0),)

    with pytest.raises(ModelError, match="own of size 'none' is nan; a finite number is needed"):
        score("own", groups=True, task=Wrong())


def test_the_temperature_is_the_mean_over_parts_of_those_that_have_one() -> None:
    class Hot(Guess):
        def temperature(self, evaluation: Evaluation) -> float | None:
            return evaluation.metrics.get("hot")

    parts = [Evaluation({"hot": value}) for value in (0.5, 8.0)]
    assert temperature(Guess(), parts) is None
    assert temperature(Hot(), [*parts, Evaluation({})]) == pytest.approx(2.0)
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(
            ModelError, match=r"the temperature of the answers is .*; a finite number above 0 is needed"
        ):
            temperature(Hot(), [Evaluation({"hot": wrong})])


class Sure(Guess):
    """Is wrong about one example, whatever that is called."""

    example, probability = "", 0.75

    def mistakes(self, evaluation: Evaluation, part: str) -> tuple[Mistake, ...]:
        return (Mistake(self.example, "a", "b", self.probability),)


@pytest.mark.parametrize(
    ("example", "shown"),
    [
        ("row 3", "row 3"),
        ("two\n\tlines  of\r\ntext\u2028more\u3000", "two lines of text more"),
        ("\x1b[31mred\x1b]0;title\x07\x9b2J\0", "\\x1b[31mred\\x1b]0;title\\x07\\x9b2J\\x00"),
        ("\u202egnp.\ud800", "\\u202egnp.\\ud800"),
        ("word " * 50_000, "word " * 19 + "word…"),
        ("\a" * 100, "\\x07" * 24 + "\\x0…"),
        ("", ""),
    ],
)
def test_a_mistake_is_one_short_line_of_what_can_be_printed(example: str, shown: str) -> None:
    task = Sure()
    task.example = example
    assert score("own", task=task)[0].mistakes == ()
    (mistake,) = score("own", groups=True, task=task)[0].mistakes
    assert mistake == Mistake(shown, "a", "b", 0.75)
    assert len(shown) <= TEXT_KEPT


def test_a_mistake_without_a_finite_probability_is_refused() -> None:
    task = Sure()
    task.probability = float("nan")
    with pytest.raises(ModelError, match="the probability of a mistake is nan; a finite number is needed"):
        score("own", groups=True, task=task)


@pytest.mark.parametrize("value", [0, 1.5, -3, np.float32(2), np.int64(4)])
def test_a_number_is_finite(value: Any) -> None:
    assert is_finite(value)


METRICS = "workbench_faulty.metrics"


@pytest.fixture
def metrics_pool(setup: Setup, make_pool: Callable[..., Pool]) -> Pool:
    """A worker that knows metrics of a plugin."""
    names = {"length@15": "length", "broken": "broken", "lost": "lost"}
    scorers = {name: f"{METRICS}:{function}" for name, function in names.items()}
    pool = make_pool()
    pool.setup = replace(setup, scorers={**scorers, "gone": "no_such_module:compute"})
    return pool


def test_a_worker_computes_what_it_can_and_lives_on(metrics_pool: Pool) -> None:
    names = ("ndcg@10", "length@15", "broken", "lost", "gone")
    for _ in range(2):
        result = ask(metrics_pool, replace(question("Good"), metrics=names))
        assert result.state == "complete"
        assert set(result.metrics) == {"ndcg@10", "length@15"}
        assert result.metrics["length@15"] == 15
        assert tuple(result.intervals["length@15"]) == (15, 15)
        assert result.notes == (
            "metric broken: RuntimeError: out of order",
            "metric lost: workbench_faulty.metrics:lost cannot be loaded: "
            "module 'workbench_faulty.metrics' has no attribute 'lost'",
            "metric gone: no_such_module:compute cannot be loaded: No module named 'no_such_module'",
        )


@pytest.mark.parametrize(("name", "reason"), [("broken", "metric broken: RuntimeError: out"), ("gone", "metric gone:")])
def test_a_trial_whose_searched_metric_fails_fails_with_the_reason(metrics_pool: Pool, name: str, reason: str) -> None:
    result = ask(metrics_pool, replace(question("Good"), metrics=(name, "ndcg@10")))
    assert result.state == "failed"
    assert result.reason.startswith(reason)
    assert "Traceback" in result.traceback
    assert ask(metrics_pool, question("Good")).state == "complete"


def test_a_report_scores_by_a_plugins_metric(metrics_pool: Pool) -> None:
    metrics_pool.submit(replace(question("Reports"), metrics=("length@15", "ndcg@10")))
    (result,), reports = answers(metrics_pool)
    assert result.state == "complete"
    assert reports[2].value == 15


def test_results_are_broken_down_on_test_alone(pool: Pool) -> None:
    assert ask(pool, question("Good")).groups == ()
    groups = ask(pool, replace(question("Good", search=False), score="test")).groups
    assert {group.by for group in groups} == {"users' activity", "items' popularity"}


def test_folds_have_a_mean_and_each_row_its_fold() -> None:
    folds = [
        Evaluation({"m": 0.5, "n": 1.0}, {"m": np.array([0.0, 1.0], np.float32)}, np.array([1, 2])),
        Evaluation({"m": 0.75}, {"m": np.array([0.5, 1.0], np.float32)}, np.array([2, 7])),
    ]
    assert mean(folds).metrics == {"m": 0.625}
    found = joined(folds, "m")
    assert found is not None
    assert [column.tolist() for column in found] == [[0.0, 1.0, 0.5, 1.0], [1, 2, 2, 7], [0, 0, 1, 1]]
    apart = joined([replace(each, example_ids=None) for each in folds], "m")
    assert apart is not None and apart[1].tolist() == [0, 1, 2, 3], "without ids every example is its own"
    assert joined(folds, "n") is None


@given(st.lists(st.floats(-1000, 1000, width=32), min_size=2, max_size=50))
def test_the_interval_is_that_of_the_mean(values: list[float]) -> None:
    array = np.array(values, np.float32)
    mean = float(array.mean(dtype=np.float64))
    low, high = intervals([Evaluation({"m": mean}, {"m": array})], Guess())["m"]
    half = student.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    assert (low, high) == pytest.approx((mean - half, mean + half), rel=1e-6, abs=1e-6)


def test_there_is_no_interval_without_a_mean_over_two_examples() -> None:
    assert intervals([Evaluation({"coverage@10": 0.5, "m": 1.0}, {"m": np.ones(1, np.float32)})], Guess()) == {}


def test_intervals_of_the_task_s_own_metrics_end_where_the_metric_does() -> None:
    values = np.array([0.0] + [1.0] * 29, np.float32)
    found = intervals([Evaluation({"own": 29 / 30, "m": 29 / 30}, {"own": values, "m": values})], Guess())
    assert found["own"][1] == 1.0 < found["m"][1], "of a plugin's metric nobody knows where it ends"
    assert found["own"][0] == found["m"][0]


def test_intervals_over_folds_know_of_the_luck_of_fits() -> None:
    values = np.random.default_rng(0).normal(size=(4, 100)).astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    folds = [Evaluation({"m": 0.0}, {"m": row}) for row in values]
    lucky = [
        Evaluation({"m": shift}, {"m": row + np.float32(shift)})
        for row, shift in zip(values, (-1, 0, 0, 1), strict=True)
    ]
    (low, high), (low_, high_) = intervals(folds, Guess())["m"], intervals(lucky, Guess())["m"]
    assert high - low == pytest.approx(2 * 1.966 / 400**0.5, rel=0.05)
    assert high_ - low_ == pytest.approx(2 * 3.182 * (2 / 3) ** 0.5 / 2, rel=0.01)
