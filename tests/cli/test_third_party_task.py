"""A task of a plugin is listed, run and used as ours; without the plugin its trials still show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.conftest import Called

CLASSES = """
from workbench import Model
from workbench_recommend.popular import Popular
from workbench_recommend.task import Recommend

class Rank(Recommend):
    name = "rank"
    baseline = "often"

class Often(Popular):
    pass
"""
HOOKS = """
@hookimpl
def workbench_tasks():
    return [TaskSpec("rank", "acme_classes:Rank", "what comes first")]

@hookimpl
def workbench_models():
    return [ModelSpec("often", "rank", "acme_classes:Often", "the most frequent")]
"""


def test_a_plugins_task_is_like_ours_and_outlives_its_plugin(
    workbench: Callable[..., Called], install: Callable[..., Path], ratings: Path
) -> None:
    folder = install("acme-rank", HOOKS, entry="rank")
    (folder / "acme_classes.py").write_text(CLASSES)
    there = {"PYTHONPATH": str(folder)}
    ran = workbench("run", "--task", "rank", "--data", "ratings.csv", "--trials", "1", "--json", env=there)
    assert ran.code == 0, ran.err
    trial = ran.json["best"]["trial"]

    def row(command: str, name: str) -> dict[str, object]:
        (found,) = (
            each for each in workbench(command, "--json", env=there).json[f"{command}"] if name in each.values()
        )
        return dict(found)

    plugin, ours = {"plugin": "acme-rank 1.0"}, {"plugin": "automl-workbench 0.1.0"}
    assert row("tasks", "rank") == {**plugin, "task": "rank", "models": 1, "summary": "what comes first"}
    assert row("tasks", "recommend").items() >= ours.items()
    assert row("models", "often").items() >= {**plugin, "task": "rank", "state": "ready"}.items()
    assert row("models", "ease").items() >= {**ours, "task": "recommend", "state": "ready"}.items()
    assert (row("plugins", "acme-rank")["tasks"], row("plugins", "acme-rank")["models"]) == (["rank"], ["often"])
    answers = workbench("predict", trial, "--users", "u1", "--json", env=there).json
    assert (answers["model"], len(answers["predictions"])) == ("often", 10)

    (board,) = workbench("leaderboard", "--json").json["leaderboard"]
    assert (board["trial"], board["model"], board["plugin"]) == (trial, "often", "acme-rank")
    assert "often of acme-rank" in workbench("show", trial).out
    missing = (
        "is of acme-rank 1.0, which is not installed; get it back, "
        "if you know it (the database names it): pip install acme-rank==1.0"
    )
    for command in (("predict", trial, "--users", "u1"), ("replay", trial), ("resume", "1", "--trials", "2")):
        gone = workbench(*command)
        assert (gone.code, gone.err) == (2, f"error: task 'rank' {missing}\n")


def test_a_fault_in_a_plugins_task_is_said_to_be_the_plugins(
    workbench: Callable[..., Called], install: Callable[..., Path], ratings: Path
) -> None:
    reads = "    def read(self, source, options):\n        return [][0]\n"
    code = CLASSES.replace('"often"\n', f'"often"\n{reads}', 1) + HOOKS.replace("acme_classes", "acme_rank")
    folder = install("acme-rank", code, entry="rank")
    ran = workbench("run", "--task", "rank", "--data", "ratings.csv", env={"PYTHONPATH": str(folder)})
    told = "plugin rank of acme-rank 1.0 failed: IndexError: list index out of range; run again with --debug for the"
    assert (ran.code, ran.err.splitlines()[-1]) == (1, f"error: {told} traceback")
