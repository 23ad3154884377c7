"""The commands that look after what is stored: evaluate, artifacts, db gc, runs --delete; metrics and doctor."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pc
import pytest

from tests.cli.conftest import Finished
from tests.conftest import Called
from workbench.folders import PREFIX, sweep_folders

Cli = Callable[..., Called]


@pytest.fixture
def own(workbench: Cli, finished: Finished, tmp_path: Path) -> Cli:
    """Calls a command on a copy of the finished run's database, which may be changed."""
    shutil.copy(finished.folder / "workbench.db", tmp_path / "workbench.db")
    return workbench


@pytest.fixture
def best(own: Cli) -> dict[str, Any]:
    row: dict[str, Any] = own("leaderboard", "--json").json["leaderboard"][0]
    return row


def test_evaluate_gives_what_an_evaluator_of_its_own_gives(
    own: Cli, best: dict[str, Any], finished: Finished, tmp_path: Path
) -> None:
    """Hits of the model's own lists, counted by hand."""
    taken = pc.read_csv(finished.folder / "ratings.csv").to_pydict()
    seen = set(zip(taken["user"], taken["item"], strict=True))
    rng = np.random.default_rng(0)
    users, items = sorted(set(taken["user"])), sorted(set(taken["item"]))
    pairs = {(users[u], items[i]) for u, i in zip(rng.integers(40, size=90), rng.integers(30, size=90), strict=True)}
    new = sorted(pairs - seen)
    (tmp_path / "new.csv").write_text("user,item\n" + "".join(f"{user},{item}\n" for user, item in new))
    lists: dict[str, list[str]] = {}
    for row in own("predict", best["trial"], "--users", "all", "--json").json["predictions"]:
        lists.setdefault(row["user"], []).append(row["item"])
    relevant: dict[str, set[str]] = {}
    for user, item in new:
        relevant.setdefault(user, set()).add(item)
    recalls = [len(held & set(lists[user])) / len(held) for user, held in relevant.items()]
    found = own("evaluate", best["trial"], "--data", "new.csv", "--json").json
    assert found["metrics"]["recall@10"]["value"] == pytest.approx(sum(recalls) / len(recalls), abs=1e-6)
    assert found["notices"] == ["columns: user, item"]
    assert "recall@10" in own("evaluate", best["trial"], "--data", "new.csv").out


def test_evaluate_says_what_it_left_out_and_refuses_what_it_knows(
    own: Cli, best: dict[str, Any], finished: Finished, tmp_path: Path
) -> None:
    known = own("evaluate", best["trial"], "--data", finished.folder / "ratings.csv")
    assert known.code == 2
    assert "nothing is left to score" in known.err
    taken = pc.read_csv(finished.folder / "ratings.csv").to_pydict()
    of_u1 = {item for user, item in zip(taken["user"], taken["item"], strict=True) if user == "u1"}
    free = next(item for item in sorted(set(taken["item"])) if item not in of_u1)
    (tmp_path / "new.csv").write_text(f"user,item\nu1,{free}\nu1,film\nnobody,i1\n")
    notices = own("evaluate", best["trial"], "--data", "new.csv", "--json").json["notices"]
    assert notices == [
        "columns: user, item",
        "left out: 1 row of users that the run has not met",
        "left out: 1 row of items that the run has not met",
    ]


def test_artifacts_are_listed_fetched_and_verified(own: Cli, best: dict[str, Any], tmp_path: Path) -> None:
    rows = own("artifacts", "list", "--json").json["artifacts"]
    assert {row["kind"] for row in rows} == {"encoding", "model"}
    assert best["trial"] in {row["trial"] for row in rows}
    assert own("artifacts", "list", "--run", "7", "--json").json["artifacts"] == []
    assert own("artifacts", "get", best["trial"], "out").code == 0
    mine = {row["path"]: row["bytes"] for row in rows if row["trial"] == best["trial"]}
    assert {path.name: path.stat().st_size for path in (tmp_path / "out/model").iterdir()} == mine
    again = own("artifacts", "get", best["trial"], "out")
    assert again.code == 2
    assert "not empty" in again.err
    assert "as it was stored" in own("artifacts", "verify").out


def test_a_deleted_run_is_gone_and_its_space_comes_back(own: Cli, tmp_path: Path) -> None:
    before = (tmp_path / "workbench.db").stat().st_size
    assert own("runs", "--delete", "9").err.startswith("error: no run '9'")
    assert own("runs", "--delete", "1", "--json").json == {"deleted": 1, "trials": 14}
    swept = own("db", "gc", "--json").json
    assert swept["blobs"] > 0
    assert swept["boards"] == 1
    assert (tmp_path / "workbench.db").stat().st_size == swept["bytes_after"] < before
    assert own("runs", "--json").json == {"runs": []}
    assert own("db", "check").code == 0
    assert own("leaderboard").code == 2


def test_cleaning_keeps_what_is_named(own: Cli, best: dict[str, Any]) -> None:
    assert own("db", "gc", "--json").json["blobs"] == 0
    assert own("predict", best["trial"], "--users", "u1").code == 0


def test_the_folder_of_a_killed_run_is_swept_and_that_of_a_living_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = (
        "import sys, tempfile; tempfile.tempdir = sys.argv[1]\n"
        "from workbench.folders import run_folder\n"
        "with run_folder() as folder:\n    print('made', flush=True)\n    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdout.readline()
    assert sweep_folders() == 0
    process.kill()
    process.wait()
    assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 1
    (left,) = tmp_path.glob(f"{PREFIX}*")
    (tmp_path / "mine").mkdir()
    shutil.copy(left / "process", tmp_path / "mine" / "process")
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "mine")
    elsewhere = tmp_path / f"{PREFIX}elsewhere"
    elsewhere.mkdir()
    mark = json.loads((left / "process").read_text())
    (elsewhere / "process").write_text(json.dumps({**mark, "boot": "of another container"}))
    assert sweep_folders() == 1
    assert not left.exists() and (tmp_path / "mine" / "process").exists() and elsewhere.exists()


def test_metrics_are_listed_with_their_meaning(workbench: Cli) -> None:
    rows = workbench("metrics", "--task", "recommend", "--json").json["metrics"]
    assert rows[0]["metric"] == "ndcg@10"
    assert all(row["direction"] == "maximize" and row["meaning"] for row in rows if row["metric"] == "recall@10")
    assert workbench("metrics", "--task", "recomend").code == 2


def test_doctor_finds_this_installation_sound(workbench: Cli) -> None:
    called = workbench("doctor", "--json")
    assert called.code == 0
    checks = {row["check"]: row for row in called.json["checks"]}
    assert checks["numpy"]["state"] == "ok"
    assert checks["plugin recommend"]["state"] == "ok"
    assert {"sqlite", "postgresql", "cores", "memory", "gpu"} <= set(checks)


def test_doctor_says_what_postgresql_lacks(workbench: Cli, tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('no pq wrapper available')")  # found first, as it is here
    called = workbench("doctor", "--json")
    assert called.code == 0
    (row,) = (row for row in called.json["checks"] if row["check"] == "postgresql")
    assert (row["state"], row["remedy"]) == ("noted", "pip install 'automl-workbench[postgresql]'")


def test_doctor_names_a_broken_plugin_and_the_remedy(workbench: Cli, tmp_path: Path) -> None:
    metadata = tmp_path / "site/broken-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[workbench]\nbroken = not_there_at_all\n")
    called = workbench("doctor", "--json", env={"PYTHONPATH": str(tmp_path / "site")})
    assert called.code == 1
    (row,) = (row for row in called.json["checks"] if row["check"] == "plugin broken")
    assert row["state"] == "broken"
    assert "not_there_at_all" in row["found"]
    assert "--no-plugin broken" in row["remedy"]


def test_a_model_is_loaded_and_a_leaderboard_read_from_python(finished: Finished) -> None:
    import workbench

    table = workbench.leaderboard(db=finished.url)
    assert table.num_rows >= 14
    assert table.column("rank").to_pylist() == list(range(1, table.num_rows + 1))
    model = workbench.load(table.column("trial")[0].as_py(), db=finished.url)
    answer = model.predict(users=["u1"], k=3)
    assert answer.column("user").to_pylist() == ["u1"] * 3
    assert workbench.leaderboard(task="none", db=finished.url).num_rows == 0


def test_the_shell_completes_commands(workbench: Cli) -> None:
    words = {"_WORKBENCH_COMPLETE": "bash_complete", "COMP_WORDS": "workbench le", "COMP_CWORD": "1"}
    assert "leaderboard" in workbench(env=words).out
