"""A plugin's metrics, from its installation to the leaderboard; metrics of which less is better."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Called

Cli = Callable[..., Called]
PLUGIN = """
    @hookimpl
    def workbench_metrics():
        return [
            MetricSpec("taken@15", "recommend", "acme_functions:taken", "mean popularity", larger_is_better=False),
            MetricSpec("shown", "recommend", "acme_functions:shown", "how many items the top 10 hold"),
            MetricSpec("broken", "recommend", "acme_gone:compute", "cannot be imported"),
            MetricSpec("heavy", "recommend", "acme_functions:shown", "needs more", requires=("no_such_library",)),
            MetricSpec("ndcg@5", "recommend", "acme_functions:shown", "the task has one of that name"),
        ]
"""
FUNCTIONS = """
import numpy as np

def taken(scored):
    lists = scored.answers["items"][:, :15]
    counts = np.bincount(scored.part.known.items, minlength=scored.truth.shape[1])
    return np.where(lists >= 0, counts[lists], 0).sum(axis=1) / (lists >= 0).sum(axis=1)

def shown(scored):
    print("noise")
    lists = scored.answers["items"][:, :10]
    assert scored.answers["scores"].shape == scored.answers["items"].shape
    assert len(scored.rows) == len(lists) == scored.truth.shape[0]
    return float(len(np.unique(lists[lists >= 0])))
"""
MISSING = "metric broken: acme_gone:compute cannot be loaded: No module named 'acme_gone'"
RUN = ("run", "--task", "recommend", "--data", "ratings.csv", "--workers", "1", "--json", "--models", "als,pure-svd")


@pytest.fixture
def acme(install: Callable[..., Path], workbench: Cli, ratings: Path) -> Cli:
    """Calls the command where a plugin with metrics is installed."""
    folder = install("acme", PLUGIN)
    (folder / "acme_functions.py").write_text(FUNCTIONS)
    return lambda *arguments: workbench(*arguments, env={"PYTHONPATH": str(folder)})


def test_they_are_listed_with_their_plugin_and_what_they_need(acme: Cli) -> None:
    rows = {row["metric"]: row for row in acme("metrics", "--task", "recommend", "--json").json["metrics"]}
    assert list(rows)[:2] == ["ndcg@10", "recall@10"]
    assert list(rows)[-5:] == ["taken@15", "shown", "broken", "heavy", "acme:ndcg@5"]
    assert (rows["taken@15"]["plugin"], rows["taken@15"]["direction"]) == ("acme 1.0", "minimize")
    assert rows["gini@10"]["direction"] == "minimize"
    assert rows["heavy"]["state"] == "needs no_such_library: pip install no_such_library"
    told = acme("tasks", "recommend", "--json").json["metrics"]
    assert [row["metric"] for row in told] == list(rows)
    (plugin,) = (row for row in acme("plugins", "--json").json["plugins"] if row["plugin"] == "acme")
    assert plugin["metrics"] == ["taken@15", "shown", "broken", "heavy", "ndcg@5"]
    assert "taken@15" in acme("metrics").out and "taken@15" in acme("plugins").out


def test_all_that_work_are_computed_beside_the_tasks_and_what_is_missing_is_noted(acme: Cli, tmp_path: Path) -> None:
    called = acme(*RUN, "--trials", "3")
    assert (called.code, called.err) == (0, "")
    best = called.json["best"]
    for part in ("valid", "test"):
        assert {"ndcg@10", "gini@10", "novelty@10", "taken@15", "shown", "acme:ndcg@5"} <= set(best[part])
        assert not {"broken", "heavy"} & set(best[part])
    trial = acme("show", best["trial"], "--json").json
    assert trial["test"]["taken@15"]["low"] < trial["test"]["taken@15"]["value"] < trial["test"]["taken@15"]["high"]
    assert trial["test"]["shown"]["low"] is None
    with sqlite3.connect(tmp_path / "workbench.db") as database:
        assert {note for (note,) in database.execute("SELECT note FROM trial")} == {MISSING}, "finalists or not"
    assert MISSING in acme("show", best["trial"]).out
    board = acme("leaderboard").out
    assert f"{MISSING[:59]}…" in board and MISSING not in board, "there it is cut, so that the rest has room"


def test_evaluate_has_them_too(acme: Cli, ratings: Path) -> None:
    trial = acme(*RUN, "--trials", "1").json["leaderboard"][0]["trial"]
    taken = {tuple(line.split(",")[:2]) for line in ratings.read_text().replace('"', "").splitlines()}
    new = [f"u1,i{number}" for number in range(1, 31) if ("u1", f"i{number}") not in taken]
    (ratings.parent / "new.csv").write_text("\n".join(["user,item", *new]))
    called = acme("evaluate", trial, "--data", "new.csv", "--json")
    assert called.code == 0, called.err
    assert {"shown", "taken@15", "recall@10"} <= set(called.json["metrics"])
    assert called.json["notices"] == ["columns: user, item", MISSING]
    groups = called.json["groups"]
    assert {group["by"] for group in groups} == {"users' activity", "items' popularity"}
    assert sum(group["count"] for group in groups if group["by"] == "items' popularity") == len(new)
    assert "by items' popularity" in acme("evaluate", trial, "--data", "new.csv").out


@pytest.mark.parametrize(("metric", "better"), [("gini@10", "smaller"), ("taken@15", "smaller"), ("shown", "larger")])
def test_any_of_them_can_be_searched_in_its_direction(acme: Cli, metric: str, better: str) -> None:
    called = acme(*RUN, "--trials", "6", "--metric", metric)
    assert called.code == 0, called.err
    rows = called.json["leaderboard"]
    values = [row["valid"] for row in rows]
    assert len(set(values)) > 1
    assert values == sorted(values, reverse=better == "larger")
    assert {row["metric"] for row in rows} == {metric} == {called.json["metric"]}
    assert called.json["best"]["valid"][metric] == values[0]
    board = acme("leaderboard", "--json").json
    assert board["board"]["direction"] == ("minimize" if better == "smaller" else "maximize")
    finalists = [row["valid"] for row in board["leaderboard"] if row["draws"] == 5]
    assert finalists == sorted(finalists, reverse=better == "larger")
    assert (rows[0]["valid_low"] is None) == (metric != "taken@15"), "it alone is a mean over users"
    front = acme("leaderboard", "--pareto", "valid", "--json").json["leaderboard"]
    every = [row["valid"] for row in board["leaderboard"]]
    assert {row["valid"] for row in front} == {min(every) if better == "smaller" else max(every)}


def test_a_searched_metric_that_fails_fails_each_trial_with_the_reason(acme: Cli) -> None:
    called = acme(*RUN, "--trials", "1", "--metric", "broken")
    assert called.code == 1
    assert f"popular failed: {MISSING}" in called.err
    assert "Traceback" not in called.err


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("takn@15", "no metric 'takn@15'; did you mean 'taken@15'? (workbench metrics --task recommend lists them)"),
        ("ndgc@10", "no metric 'ndgc@10'; did you mean 'ndcg@10'? (workbench metrics --task recommend lists them)"),
        ("heavy", "metric heavy needs no_such_library: pip install no_such_library"),
    ],
)
def test_a_metric_that_cannot_be_searched_is_refused_before_anything_is_read(
    acme: Cli, metric: str, message: str
) -> None:
    called = acme(*RUN, "--metric", metric, "--data", "no_such_file.csv")
    assert (called.code, called.err) == (2, f"error: {message}\n")


def test_results_on_test_are_broken_down(acme: Cli, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = acme(*RUN, "--trials", "4").json["leaderboard"]
    trial = acme("show", rows[0]["trial"], "--json").json
    users = [group for group in trial["groups"] if group["by"] == "users' activity"]
    items = [group for group in trial["groups"] if group["by"] == "items' popularity"]
    assert {group["metric"] for group in users} == {"ndcg@10"}
    assert {group["metric"] for group in items} == {"recall@10"}
    mean = sum(group["value"] * group["count"] for group in users) / sum(group["count"] for group in users)
    assert mean == pytest.approx(trial["test"]["ndcg@10"]["value"])
    shown = acme("show", rows[0]["trial"]).out
    assert "test by users' activity" in shown
    for group in trial["groups"]:
        assert group["name"] in shown
    with sqlite3.connect(tmp_path / "workbench.db") as database:
        query = "SELECT DISTINCT trial_id IN (SELECT id FROM trial WHERE final_rank IS NOT NULL) FROM trial_group"
        assert database.execute(query).fetchall() == [(1,)], "of finalists alone"
