"""Models that report and train in epochs, from their installation to the refit: pruning, epochs, devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Called

Cli = Callable[..., Called]
PLUGIN = """
    @hookimpl
    def workbench_models():
        return [ModelSpec("learner", "recommend", "acme_models:Learner", "popularity, learned step by step")]
"""
MODELS = """
import numpy as np
from workbench import Model
from workbench.space import Float

class Learner(Model):
    '''Comes as near to popularity as its rate allows, is at its best after six epochs, then forgets it all.'''
    rate: float = 0.9
    space = {"rate": Float(0.0, 1.0)}

    def fit(self, train, context):
        assert context.device in ("cpu", "cuda:0", "cuda:1")
        popularity = np.bincount(train.items, minlength=train.n_items) / 30
        noise = context.rng.random(train.n_items)
        for epoch in context.epochs(8):
            known = self.rate * min(epoch + 1, 6) / 6 if epoch < 6 else -1.0
            self.scores_ = (known * popularity + (1 - known) * noise).astype(np.float32)
            self.epochs_ = epoch + 1

    def score(self, users):
        return np.broadcast_to(self.scores_, (len(users), len(self.scores_)))
"""
RUN = ("run", "--task", "recommend", "--data", "ratings.csv", "--json", "--models", "learner")


@pytest.fixture
def acme(install: Callable[..., Path], workbench: Cli, ratings: Path) -> Cli:
    """Calls the command where the model is installed."""
    folder = install("acme", PLUGIN)
    (folder / "acme_models.py").write_text(MODELS)

    def call(*arguments: str, **env: str) -> Called:
        return workbench(*arguments, env={"PYTHONPATH": str(folder), **env})

    return call


def trials(acme: Cli, *arguments: str, **env: str) -> list[dict[str, Any]]:
    called = acme(*RUN, *arguments, **env)
    assert called.code == 0, called.err
    rows = acme("show", str(called.json["run"]), "--json").json["all_trials"]
    return [row for row in rows if row["model"] == "learner"]


def test_trials_that_fall_behind_are_pruned_and_two_runs_prune_the_same(acme: Cli) -> None:
    found = trials(acme, "--trials", "12", "--workers", "1")
    pruned = [row for row in found if row["state"] == "pruned"]
    assert len(found) == 12
    assert 1 <= len(pruned) <= 8
    again = trials(acme, "--trials", "12", "--workers", "1")
    same = ("number", "params", "state", "reason", "objective")
    assert [[row[name] for name in same] for row in found] == [[row[name] for name in same] for row in again]
    one = acme("show", pruned[0]["uuid"], "--json").json
    (step, value), *_ = reversed(one["reports"])
    assert one["reason"].startswith(f"at step {step}: ") and "below the median" in one["reason"]
    assert 1 <= len(one["reports"]) < 8 and value > 0
    shown = acme("show", pruned[0]["uuid"])
    assert f"at step {step}" in shown.out and "reports" in shown.out
    assert one["objective"] is None and one["epochs"] is None and one["traceback"] == ""


def test_the_winner_is_refitted_for_as_many_epochs_as_were_best(acme: Cli, tmp_path: Path) -> None:
    called = acme(*RUN, "--trials", "2", "--workers", "1")
    (best,) = (row for row in called.json["leaderboard"] if row["model"] == "learner")
    one = acme("show", best["trial"], "--json").json
    reports = dict(one["reports"])
    assert list(reports) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert reports[one["epochs"]] == max(reports.values())
    assert one["epochs"] <= 6
    assert one["valid"]["ndcg@10"]["value"] == pytest.approx(reports[one["epochs"]]), "the best state was scored"
    assert acme("artifacts", "get", best["trial"], "model").code == 0
    (plain,) = tmp_path.rglob("plain.json")
    assert f'"epochs_": {one["epochs"]}' in plain.read_text()


def test_workers_take_the_devices_in_turn_and_each_trial_says_which_it_used(acme: Cli) -> None:
    found = trials(acme, "--trials", "8", "--workers", "2", WORKBENCH_DEVICES="cuda:0,cuda:1")
    used = {acme("show", row["uuid"], "--json").json["device"] for row in found}
    assert used == {"cuda:0", "cuda:1"}
    rows = acme("show", "1", "--json").json["all_trials"]
    (baseline,) = (row for row in rows if row["model"] == "popular")
    assert acme("show", baseline["uuid"], "--json").json["device"] == "cpu", "it asks for none"


@pytest.mark.parametrize(
    ("device", "allowed", "used"),
    [
        ("cuda:1", "cuda:0,cuda:1", "cuda:1"),
        ("cuda", "cuda:1", "cuda:1"),
        ("cpu", "cuda:0", "cpu"),
        ("auto", "cpu", "cpu"),
    ],
)
def test_the_device_that_is_asked_for_is_used(acme: Cli, device: str, allowed: str, used: str) -> None:
    (row,) = trials(acme, "--trials", "1", "--device", device, WORKBENCH_DEVICES=allowed)
    assert acme("show", row["uuid"], "--json").json["device"] == used


@pytest.mark.parametrize(
    ("device", "allowed", "message"),
    [
        ("cuda:1", "cuda:0", "error: --device cuda:1: there is no such device; WORKBENCH_DEVICES allows cuda:0\n"),
        ("cuda", "cpu", "error: --device cuda: there is no such device; WORKBENCH_DEVICES allows no GPU\n"),
        ("auto", "gpu1", "error: WORKBENCH_DEVICES=gpu1: 'gpu1' is no device; write it as cuda:0,cuda:1 or cpu\n"),
    ],
)
def test_a_device_that_is_not_there_is_one_line_before_anything_is_read(
    acme: Cli, tmp_path: Path, device: str, allowed: str, message: str
) -> None:
    (tmp_path / "ratings.csv").write_text("not,even\na table")
    called = acme(*RUN, "--trials", "1", "--device", device, WORKBENCH_DEVICES=allowed)
    assert (called.code, called.out, called.err) == (2, "", message)


def test_folds_report_the_first_and_take_the_median_of_the_epochs(acme: Cli) -> None:
    (row,) = trials(acme, "--trials", "1", "--folds", "3")
    one = acme("show", row["uuid"], "--json").json
    assert [step for step, _ in one["reports"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert one["draws"] == 3 and 1 <= one["epochs"] <= 6
