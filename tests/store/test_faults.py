"""A run whose owner is killed, really, at each of its writes: nothing is lost, and it goes on to the same end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from workbench.store import check, queries, resuming
from workbench.store.database import Database
from workbench.store.writer import OWNER_LOST

KILLED = -9
NEVER = "kill@0"
Order = Callable[..., list[int]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import pyarrow.csv as pc

    from workbench_recommend.task import made_up_ratings

    folder = tmp_path_factory.mktemp("killed")
    pc.write_csv(made_up_ratings(seed=1, users=40, items=30), folder / "ratings.csv")
    for name in ("empty", "warm"):
        Database(f"sqlite:///{folder}/{name}.db", create=True).close()
    return folder


@pytest.fixture(scope="module")
def order(folder: Path) -> Iterator[Order]:
    """Has a child run or resume: (what, database, fault, changes of the arguments) -> (exit code, points passed)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.killing"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder)},
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def give(do: str, path: Path, fault: str = NEVER, **changes: Any) -> Any:
        run = {"task": "recommend", "data": str(folder / "ratings.csv"), "models": "popular,ease", "workers": 1}
        arguments = {**run, "trials": 3, "keep": 1} if do == "run" else {"run": 1}
        order = {"do": do, "fault": fault, "arguments": {**arguments, "db": f"sqlite:///{path}", **changes}}
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        return json.loads(stdout.readline())

    with process:
        assert give("run", folder / "warm.db") == [0, 0]
        yield give
        stdin.close()


@pytest.fixture
def fresh(folder: Path, tmp_path: Path) -> Callable[[object], Path]:
    def make(name: object) -> Path:
        return Path(shutil.copy(folder / "empty.db", tmp_path / f"{name}.db"))

    return make


def state_of(path: Path) -> tuple[str | None, list[dict[str, Any]]]:
    """(state of the run, its trials), of a database that is sound."""
    with closing(Database(f"sqlite:///{path}")) as database:
        assert check.problems(database) == []
        if not queries.runs(database):
            return None, []
        return queries.run(database, 1)["state"], resuming.records(database, 1)


def result(record: dict[str, Any]) -> tuple[Any, ...]:
    return record["model"], str(record["params"]), record["seed"], str(sorted(record["valid"].items()))


def board(path: Path) -> list[tuple[Any, ...]]:
    with closing(Database(f"sqlite:///{path}")) as database:
        rows = queries.leaderboard(database, 1)
        return [(row["model"], str(row["params"]), row["draws"], row["valid"], row["test"], row["tie"]) for row in rows]


def test_a_run_killed_at_any_of_its_writes_goes_on_to_the_same_end(
    order: Order, fresh: Callable[[object], Path]
) -> None:
    whole = fresh("whole")
    code, points = order("run", whole)
    assert (code, state_of(whole)[0]) == (0, "complete")
    wanted = {result(record) for record in state_of(whole)[1]}
    # Every point but for the many of the artifacts: they come in sixes, and steps of five meet all of them.
    searching, last = range(1, 16), range(points - 3, points + 1)
    states = Counter[str | None]()
    for point in (*searching, *range(16, points - 3, 5), *last):
        path = fresh(point)
        assert order("run", path, f"kill@{point}")[0] == KILLED
        state, before = state_of(path)
        states[state] += 1
        if state in (None, "complete"):
            continue
        assert state == "lost"
        acknowledged = [record for record in before if record["state"] == "complete"]
        assert order("resume", path)[0] == 0
        state, after = state_of(path)
        assert state == "complete"
        assert [record["number"] for record in after] == list(range(1, len(after) + 1)), "numbers are never used again"
        ended = {record["uuid"]: record for record in after}
        for record in acknowledged:
            assert result(ended[record["uuid"]]) == result(record)
        lost = [record for record in after if record["state"] == "crashed"]
        assert [record["reason"] for record in lost] == [OWNER_LOST] * len(lost)
        assert len(lost) == len(before) - len(acknowledged) <= 1
        complete = [record for record in after if record["state"] == "complete"]
        assert len(complete) + len(lost) == len(after)
        assert {result(record) for record in complete} == wanted
        assert len(complete) == len(wanted), "what had a result was not tried again"
        assert board(path) == board(whole)
    assert states[None] == 1, "before the run was there"
    assert states["complete"] == 1, "after all was written"
    assert states["lost"] > 20


def test_a_resume_that_is_killed_leaves_what_was_there(order: Order, fresh: Callable[[object], Path]) -> None:
    path = fresh("finished")
    assert order("run", path)[0] == 0
    before = [row for row in board(path) if row[2] > 1]
    for fault in ("kill@take over", "kill@trial ended", "kill@blob", "kill@finalists"):
        assert order("resume", path, fault, trials=5)[0] == KILLED
        state, records = state_of(path)
        assert state == ("complete" if fault == "kill@take over" else "lost")
        assert [row for row in board(path) if row[2] > 1] == before, "the old ranking stands until the new one is whole"
        assert [record["uuid"] for record in records if record["final_rank"]], fault
    assert order("resume", path)[0] == 0
    state, records = state_of(path)
    assert state == "complete"
    assert sum(record["state"] == "complete" for record in records) == 5
    whole = fresh("five")
    assert order("run", whole, trials=5)[0] == 0
    assert board(path) == board(whole)


def test_a_result_that_was_spooled_is_not_tried_again(order: Order, fresh: Callable[[object], Path]) -> None:
    """As after a database that stayed locked, and a process that was killed after that."""
    from workbench.store import spool

    path = fresh("spooled")
    assert order("run", path, "kill@5")[0] == KILLED  # the first trial has ended, its write is not committed
    with closing(Database(f"sqlite:///{path}")) as database:
        row = resuming.resumable(database, 1)
        (trial,) = resuming.records(database, 1)
        values = {"state": "complete", "objective": 0.25, "draws": 1, "fit_seconds": 1.0}
        entry = {
            "trial": trial["uuid"],
            "values": values,
            "valid": {"ndcg@10": [0.25, 0.2, 0.3]},
            "reports": [[1, 0.1]],
        }
        file = spool.save(database, row["uuid"], entry)
    assert order("resume", path)[0] == 0
    _, records = state_of(path)
    assert [(record["number"], record["state"]) for record in records] == [(n, "complete") for n in (1, 2, 3)]
    assert records[0]["valid"] == {"ndcg@10": (0.25, 0.2, 0.3)}
    assert not file.exists()
