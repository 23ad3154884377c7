"""The commands that list what is on offer, and the help."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Called

Cli = Callable[..., Called]
MODELS = ("popular", "item-knn", "user-knn", "rp3beta", "pure-svd", "ease", "slim", "als", "bpr", "lmf")


def test_models_lists_the_first_party_ones_as_ready(workbench: Cli) -> None:
    rows = workbench("models", "--task", "recommend", "--json").json["models"]
    found = {row["model"]: row["state"] for row in rows if row["plugin"].startswith("automl-workbench")}
    assert found == dict.fromkeys(MODELS, "ready")
    assert "ease" in workbench("models").out


def test_tasks_lists_recommend_and_its_options(workbench: Cli) -> None:
    (row,) = (row for row in workbench("tasks", "--json").json["tasks"] if row["task"] == "recommend")
    assert row["models"] >= 5
    told = workbench("tasks", "recommend", "--json").json
    assert told["baseline"] == "popular"
    assert told["metrics"][0]["metric"] == "ndcg@10"
    assert "--user-column" in {option["option"] for option in told["options"]}
    assert {"user-time", "user-random", "global-time"} == {split["split"] for split in told["splits"]}
    assert "--user-column" in workbench("tasks", "recommend").out


def test_plugins_says_loaded_or_blocked(workbench: Cli) -> None:
    (row,) = (row for row in workbench("plugins", "--json").json["plugins"] if row["plugin"] == "recommend")
    assert (row["state"], row["distribution"]) == ("loaded", "automl-workbench")
    off = workbench("plugins", "--json", env={"WORKBENCH_PLUGINS_OFF": "recommend"}).json["plugins"]
    assert [row["state"] for row in off if row["plugin"] == "recommend"] == ["blocked"]
    called = workbench("run", "--task", "recommend", env={"WORKBENCH_PLUGINS_OFF": "recommend"})
    assert called.code == 2
    assert called.err.startswith("error: no task 'recommend'")


def test_every_command_has_a_page_of_help(workbench: Cli) -> None:
    from workbench.cli import COMMANDS

    top = workbench("--help")
    assert top.code == 0
    for name, summary in COMMANDS.items():
        assert summary in top.out
        page = workbench(name, "--help")
        assert page.code == 0
        assert page.out.startswith(f"Usage: workbench {name}")


def test_version(workbench: Cli) -> None:
    from workbench import __version__

    assert workbench("--version").out == f"workbench {__version__}\n"
