"""Two plugins' models that each know half of the users: together they win, and are used like any model."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import FIRST, Called

Cli = Callable[..., Called]

ENTRY = '''
"""Two models."""

from workbench import ModelSpec, hookimpl


@hookimpl
def workbench_models():
    return [
        ModelSpec(name, task="recommend", load=f"workbench_halves.models:{name.title()}", summary="knows half")
        for name in ("even", "odd")
    ]
'''
MODELS = '''
import numpy as np

from workbench import Model


class Even(Model):
    """What was taken by those with like tastes, for every other user; all items are alike for the rest."""

    rest = 0

    def fit(self, train, context):
        taken = train.matrix.toarray()
        known = np.arange(train.n_users) % 2 == self.rest
        self.scores_ = ((taken @ (taken.T @ taken)) * known[:, None]).astype(np.float32)

    def score(self, users):
        return self.scores_[users]


class Odd(Even):
    rest = 1
'''
RUN = "run --task recommend --data train.csv --test-data test.csv --models even,odd --trials 2 --workers 1 --seed 0"


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, where the plugin is installed, and what `run --json` printed."""

    folder: Path
    env: dict[str, str]
    document: dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Eighty users in four groups, each of which takes its own twelve items; one model is to be kept."""
    folder = tmp_path_factory.mktemp("halves")
    site = folder / "site"
    (site / "workbench_halves").mkdir(parents=True)
    (site / "workbench_halves/__init__.py").write_text(ENTRY)
    (site / "workbench_halves/models.py").write_text(MODELS)
    info = site / "workbench_halves-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: workbench-halves\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[workbench]\nhalves = workbench_halves\n")
    rng = np.random.default_rng(0)
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for user in range(80):
        for place, item in enumerate(rng.permutation(12)[:10]):
            lines["test" if place < 2 else "train"].append(f"u{user},i{4 * item + user // 2 % 4}\n")
    for name, rows in lines.items():
        (folder / f"{name}.csv").write_text("user,item\n" + "".join(rows))
    env = {"PYTHONPATH": os.pathsep.join([*FIRST, str(site)])}
    command = [sys.executable, "-m", "workbench", *RUN.split(), "--keep", "1", "--json"]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **env}, capture_output=True, check=True)
    yield Run(folder, {"PYTHONPATH": str(site)}, json.loads(done.stdout))


@pytest.fixture
def cli(run: Run, workbench: Cli, tmp_path: Path) -> Cli:
    """Calls a command on a copy of the database, elsewhere, with the plugin installed."""
    shutil.copy(run.folder / "workbench.db", tmp_path / "workbench.db")
    return lambda *arguments, **how: workbench(*arguments, **{"env": run.env, **how})


@pytest.fixture
def together(run: Run) -> dict[str, Any]:
    best: dict[str, Any] = run.document["best"]
    return best


def test_it_leads_by_far_and_says_what_it_is_made_of(run: Run, cli: Cli, together: dict[str, Any]) -> None:
    rows = {row["model"]: row for row in run.document["leaderboard"]}
    row = rows["ensemble"]
    assert (together["model"], row["rank"], row["tie"], row["plugin"]) == ("ensemble", 1, False, "automl-workbench")
    assert row["valid"] > 1.3 * max(rows["even"]["valid"], rows["odd"]["valid"])
    assert row["test"] > 1.3 * max(rows["even"]["test"], rows["odd"]["test"])
    assert row["draws"] == 5 and row["valid_low"] < row["valid"] < row["valid_high"]
    assert run.document["trials"] == {"complete": 3}, "it is made of trials, and is none of them"
    members = {cli("show", trial, "--json").json["model"]: weight for trial, weight in row["params"].items()}
    assert set(members) == {"even", "odd"}
    assert set(row["note"].replace(",", "").split()) >= {"even", "odd"}
    assert cli("runs", "--json").json["runs"][0]["best_model"] == "ensemble"
    shown = cli("show", together["trial"])
    assert shown.code == 0
    assert all(f"{trial[:8]} x{weight}" in shown.out for trial, weight in row["params"].items())
    assert "ensemble of automl-workbench" in shown.out
    assert cli("show", "1").code == 0
    assert "ensemble" in cli("leaderboard").out


def test_lists_scored_by_hand_are_as_good_as_the_leaderboard_says(run: Run, cli: Cli, together: dict[str, Any]) -> None:
    lists: dict[str, list[str]] = {}
    for row in cli("predict", together["trial"], "--users", "all", "-k", "10", "--json").json["predictions"]:
        lists.setdefault(row["user"], []).append(row["item"])
    held_out: dict[str, set[str]] = {}
    for line in (run.folder / "test.csv").read_text().split()[1:]:
        user, item = line.split(",")
        held_out.setdefault(user, set()).add(item)
    values = []
    for user, items in held_out.items():
        gain = sum(1 / math.log2(rank + 1) for rank, item in enumerate(lists[user], 1) if item in items)
        values.append(gain / sum(1 / math.log2(rank + 1) for rank in range(1, len(items) + 1)))
    assert together["test"]["ndcg@10"] == pytest.approx(sum(values) / len(values), abs=1e-6)


def test_it_is_evaluated_and_loaded(run: Run, cli: Cli, together: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(run.folder / "test.csv", tmp_path / "later.csv")
    found = cli("evaluate", together["trial"], "--data", "later.csv", "--json").json
    assert found["metrics"]["ndcg@10"]["value"] == pytest.approx(together["test"]["ndcg@10"], abs=1e-6)
    predicted = cli("predict", together["trial"], "--users", "u7,nobody", "-k", "3", "--json").json["predictions"]
    assert [row["answered_by"] for row in predicted] == ["model"] * 3 + ["popularity"] * 3
    code = f"import workbench; print(workbench.load({together['trial']!r}).predict(users=['u7'], k=3).to_pylist())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*FIRST, run.env["PYTHONPATH"]])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert [row["item"] for row in predicted[:3]] == [line.split("'")[0] for line in done.stdout.split("'item': '")[1:]]


def test_those_it_has_never_met_are_answered_by_popularity_where_no_member_can(
    cli: Cli, together: dict[str, Any]
) -> None:
    answered = cli("predict", together["trial"], "--history", "i0,i4", "-k", "2", "--json").json["predictions"]
    assert [row["answered_by"] for row in answered] == ["popularity"] * 2


def test_it_is_kept_with_its_members_and_verified(run: Run, cli: Cli, together: dict[str, Any], tmp_path: Path) -> None:
    files = cli("artifacts", "list", "--json").json["artifacts"]
    assert {row["model"] for row in files if row["kind"] == "model"} == {"ensemble", "even", "odd"}
    assert len(run.document["kept"]) == 3
    assert cli("artifacts", "verify").code == 0
    assert cli("artifacts", "get", together["trial"], "out").code == 0
    (written,) = (tmp_path / "out").rglob("members.json")
    assert written.read_text().count(":") == 2


def test_what_is_missing_is_said(cli: Cli, workbench: Cli, together: dict[str, Any], tmp_path: Path) -> None:
    gone = workbench("predict", together["trial"], "--users", "u1")
    assert gone.code == 2
    assert gone.err.endswith(
        "is of workbench-halves 1.0, which is not installed; get it back, if you know it "
        "(the database names it): pip install workbench-halves==1.0\n"
    )
    member = next(iter(together["params"]))
    with contextlib.closing(sqlite3.connect(tmp_path / "workbench.db")) as connection, connection:
        connection.execute("DELETE FROM artifact WHERE trial_id = (SELECT id FROM trial WHERE uuid = ?)", (member,))
    left = cli("predict", together["trial"], "--users", "u1")
    assert left.code == 2
    assert f"needs trial {member[:4]}, whose model is not kept" in left.err
    assert cli("runs", "--delete", "1", "--json").json == {"deleted": 1, "trials": 3}
    assert cli("predict", together["trial"], "--users", "u1").code == 2


def test_equal_runs_make_equal_ensembles(run: Run, workbench: Cli, tmp_path: Path) -> None:
    for name in ("train.csv", "test.csv"):
        shutil.copy(run.folder / name, tmp_path / name)
    called = workbench(*RUN.split(), "--json", env=run.env)
    assert called.code == 0, called.err

    def told(document: dict[str, Any]) -> list[Any]:
        models = {row["trial"]: row["model"] for row in document["leaderboard"]}
        names = ("rank", "number", "model", "valid", "valid_low", "test", "draws", "tie", "note")
        return [
            [
                *(row[name] for name in names),
                *(
                    (model, row["params"][id])
                    for id in row["params"]
                    for trial, model in models.items()
                    if id[:4] == trial[:4]
                ),
            ]
            for row in document["leaderboard"]
        ]

    assert told(called.json) == told(run.document)
