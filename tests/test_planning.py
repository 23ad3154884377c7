"""Which models a run searches, and why others are not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from workbench.contract.hooks import ModelSpec, TaskSpec
from workbench.contract.metric import Metric
from workbench.discovery import Plugin
from workbench.errors import PluginError, SettingsError, UnknownName
from workbench.execution.work import Describe, Description
from workbench.planning import ask, choose_models, plan
from workbench.registry import Registry
from workbench.search.budget import Budget
from workbench.settings import RunSettings

FOREVER = Budget(math.inf, time.monotonic())


@dataclass
class Describing:
    """A pool that describes models as told."""

    descriptions: dict[str, Description]
    waiting: list[Describe] = field(default_factory=list)
    idle: int = 1

    def submit(self, question: Describe, deadline: float | None = None) -> None:
        self.waiting.append(question)

    def events(self, timeout: float) -> list[Description]:
        return [replace(self.descriptions[each.id], id=each.id) for each in [self.waiting.pop()]]


@dataclass
class Train:
    shape: dict[str, int] = field(default_factory=lambda: {"users": 10})
    provides: set[str] = field(default_factory=set)


def registry(*names: str, requires: tuple[str, ...] = ()) -> Registry:
    models = [ModelSpec(name, "t", f"nowhere:{name}", "", requires if name == "last" else ()) for name in names]
    plugin = Plugin("p", "some-plugin", "1.0", "loaded", "", (TaskSpec("t", "nowhere:T", ""),), tuple(models))
    return Registry([plugin])


def planned(descriptions: dict[str, Description], settings: RunSettings | None = None, **changes: Any) -> Any:
    settings = settings or RunSettings("t")
    offers = choose_models(registry(*descriptions, requires=changes.get("requires", ())), settings, "base")
    pool = Describing(descriptions)
    return plan(pool, offers, settings, changes.get("budget", FOREVER), changes.get("train", Train()), "base")  # type: ignore[arg-type]


def test_the_baseline_is_always_among_them_and_first() -> None:
    both = {"other": Description("other"), "base": Description("base")}
    assert [each.name for each in planned(both).candidates] == ["base", "other"]
    alone = planned(both, RunSettings("t", models=("other",)))
    assert [each.name for each in alone.candidates] == ["base", "other"]
    assert alone.uncounted == "base"
    assert planned(both).uncounted is None
    assert planned(both, RunSettings("t", without=("base",))).uncounted == "base"


@pytest.mark.parametrize(
    ("description", "state", "reason"),
    [
        (Description("last", error="ImportError: libgone.so"), "failed", "ImportError: libgone.so"),
        (Description("last", needs=("timestamps",)), "skipped", "needs timestamps, which the data does not have"),
        (Description("last", estimate=(1.0, 2.0**60)), "skipped", "of memory, a worker may use"),
        (Description("last", estimate=(90.0, 1.0)), "skipped", "estimated 90.0 s a trial"),
    ],
)
def test_what_cannot_be_searched_is_listed_with_the_reason(description: Description, state: str, reason: str) -> None:
    budget = Budget(100.0, time.monotonic())
    found = planned({"base": Description("base"), "last": description}, budget=budget)
    assert [each.name for each in found.candidates] == ["base"]
    (row,) = (row for row in found.rows if row.model == "last")
    assert row.state == state
    assert reason in row.reason


def test_a_missing_requirement_names_the_line_that_installs_it() -> None:
    both = {"base": Description("base"), "last": Description("last")}
    found = planned(both, requires=("surely_not_installed",))
    (row,) = (row for row in found.rows if row.model == "last")
    assert (row.state, row.reason) == ("skipped", "needs surely_not_installed: pip install surely_not_installed")


def test_a_model_the_user_named_must_work() -> None:
    both = {"base": Description("base"), "last": Description("last", error="ImportError: no")}
    with pytest.raises(PluginError, match="model last cannot be used: ImportError: no"):
        planned(both, RunSettings("t", models=("last",)))


METRICS = """
    @hookimpl
    def workbench_metrics():
        return [MetricSpec(name, "recommend", f"acme:{name}", "one", name != "loss") for name in ("loss", "gain")] + [
            MetricSpec("deep", "recommend", "acme:deep", "needs more", requires=("surely_not_installed",))
        ]
"""


def test_plugins_metrics_are_asked_for_after_the_tasks_and_can_be_searched(install: Callable[..., Path]) -> None:
    install("acme", METRICS)
    question = ask(Registry.discovered(), RunSettings("recommend"))
    own = tuple(metric.name for metric in question.task.metrics)
    assert question.metrics == (*own, "loss", "gain")
    assert question.scorers == {"loss": "acme:loss", "gain": "acme:gain"}, "what lacks a requirement is left out"
    searched = ask(Registry.discovered(), RunSettings("recommend", metric="loss"))
    assert searched.metric == Metric("loss", "one", larger_is_better=False)
    assert searched.metrics == ("loss", *own, "gain")


def test_a_task_knows_more_of_its_metrics_than_it_lists(install: Callable[..., Path]) -> None:
    install("acme", METRICS)
    question = ask(Registry.discovered(), RunSettings("recommend", metric="recall@50"))
    assert question.metrics[:2] == ("recall@50", "ndcg@10")


@pytest.mark.parametrize(
    ("metric", "error", "message"),
    [
        ("gian", UnknownName, "no metric 'gian'; did you mean 'gain'"),
        ("deep", PluginError, "metric deep needs surely_not_installed: pip install surely_not_installed"),
    ],
)
def test_a_metric_that_cannot_be_searched_is_refused(
    install: Callable[..., Path], metric: str, error: type[Exception], message: str
) -> None:
    install("acme", METRICS)
    with pytest.raises(error, match=message):
        ask(Registry.discovered(), RunSettings("recommend", metric=metric))


def test_names_are_checked() -> None:
    both = {"base": Description("base"), "last": Description("last")}
    with pytest.raises(UnknownName, match="no model 'lasst'; did you mean 'last'"):
        planned(both, RunSettings("t", without=("lasst",)))
    with pytest.raises(SettingsError, match="'gone' is not among the models"):
        planned(both, RunSettings("t", fixed={"gone.x": 1}))
