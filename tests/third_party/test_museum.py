"""Every fault of a plugin is its own: it is said what and whose it is, and all others go on."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow.csv as pc
import pytest

from tests.conftest import FIRST, FIRST_PARTY, Called
from tests.execution.asking import ask
from tests.third_party.exhibits import EXHIBITS, MUSEUM, TENSORFLOW, Exhibit, install
from workbench.execution.pool import Pool
from workbench.execution.work import Fit, Setup
from workbench.folders import run_folder
from workbench.parts import write_parts
from workbench_recommend.task import Recommend, made_up_ratings

NAMES = tuple(exhibit.name for exhibit in EXHIBITS)
MODELS = [(model, *outcome) for exhibit in EXHIBITS for model, outcome in exhibit.trials.items()]
OURS = "popular,item-knn,ease"
SCORES = (
    "SELECT model, value FROM trial JOIN trial_metric ON trial_metric.trial_id = trial.id "
    "WHERE part = 'valid' AND trial_metric.name = 'ndcg@10'"
)
RUN = ("run", "--task", "recommend", "--data", "ratings.csv", "--workers", "1")


def fit_of(load: str, seconds: float | None = None) -> Fit:
    return Fit(uuid.uuid4().hex, load, {}, 0, "train", "valid", ("ndcg@10",), search=True, seconds=seconds)


@dataclass(frozen=True)
class Visit:
    """A user's folder on a machine where exhibits are installed."""

    folder: Path
    path: str

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def call(self, *arguments: str) -> Called:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
        done = subprocess.run(
            [sys.executable, "-m", "workbench", *arguments],
            cwd=self.folder / "work",
            env={**clean, "PYTHONPATH": self.path, "HOME": str(self.home), "TMPDIR": str(self.folder / "temporary")},
            capture_output=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        return Called(done.returncode, done.stdout.decode(), done.stderr.decode())

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self.folder / "work" / "workbench.db") as database:
            return database.execute(query).fetchall()


@pytest.fixture(scope="module")
def enter(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Visit]:
    """Installs exhibits for whom is in a new folder."""

    def make(*names: str, tensorflow: str = "hidden") -> Visit:
        folder = tmp_path_factory.mktemp("museum")
        for name in ("work", "home", "temporary"):
            (folder / name).mkdir()
        install(folder / "site-packages", *names)
        pc.write_csv(made_up_ratings(seed=1, users=40, items=30), folder / "work" / "ratings.csv")
        path = [*FIRST, MUSEUM, folder / "site-packages", TENSORFLOW / tensorflow]
        return Visit(folder, os.pathsep.join(map(str, path)))

    return make


@pytest.fixture(scope="module")
def museum(enter: Callable[..., Visit]) -> Visit:
    """Every exhibit at once."""
    return enter(*NAMES)


@pytest.fixture(scope="module")
def listed(museum: Visit) -> dict[str, Any]:
    """What `workbench plugins` says of each."""
    return {row["plugin"]: row for row in json.loads(museum.call("plugins", "--json").out)["plugins"]}


@pytest.fixture(scope="module")
def ran(museum: Visit) -> dict[str, Any]:
    """A run of all models of the museum and some of ours, one after the other in one worker."""
    models = ",".join([OURS, *(model for model, _, _ in MODELS)])
    count = str(len(MODELS) + len(OURS.split(",")))
    called = museum.call(*RUN, "--json", "--trials", count, "--models", models)
    assert called.code == 0, called.err
    document: dict[str, Any] = json.loads(called.out)
    return document


def test_every_exhibit_is_on_show() -> None:
    modules = {path.stem for path in MUSEUM.iterdir() if path.name.startswith("museum_")}
    assert modules == {exhibit.distribution.replace("-", "_") for exhibit in EXHIBITS}


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=NAMES)
def test_plugins_says_what_is_wrong_and_with_whom(listed: dict[str, Any], exhibit: Exhibit) -> None:
    row = listed[exhibit.name]
    assert (row["distribution"], row["version"], row["state"]) == (exhibit.distribution, "1.0", exhibit.state)
    assert exhibit.reason in row["reason"]
    assert "\n" not in row["reason"]
    assert (row["reason"] == "") == (exhibit.state == "loaded")
    assert set(exhibit.trials) == set(row["models"])


def test_the_reasons_are_whole_however_narrow_the_screen(museum: Visit) -> None:
    out = museum.call("plugins").out
    for exhibit in EXHIBITS:
        if exhibit.reason:
            (line,) = [line for line in out.splitlines() if line.startswith(f"{exhibit.name}: ")]
            assert exhibit.reason in line


def test_ours_are_as_if_they_were_alone(listed: dict[str, Any], museum: Visit) -> None:
    assert (listed["recommend"]["state"], listed["recommend"]["tasks"]) == ("loaded", ["recommend"])
    rows = json.loads(museum.call("models", "--task", "recommend", "--json").out)["models"]
    assert {row["plugin"].rpartition(" ")[0] for row in rows if row["model"] == "als"} == {"automl-workbench"}
    assert {row["model"] for row in rows} >= {"popular", "ease", *(model for model, _, _ in MODELS)}


def test_a_task_that_cannot_be_used_leaves_the_lists_of_all_others(museum: Visit) -> None:
    called = museum.call("metrics", "--json")
    assert called.code == 0
    tasks = {row["task"] for row in json.loads(called.out)["metrics"]}
    assert tasks == {"recommend", "text-classification", "image-classification"}
    said = called.err.splitlines()
    assert "task nowhere of museum-broken-task 1.0 cannot be used: RuntimeError: this plugin was never finished" in said
    asked = museum.call("run", "--task", "no-task", "--data", "ratings.csv")
    assert (asked.code, asked.err) == (
        2,
        "error: task no-task of museum-broken-task 1.0 cannot be used: "
        "museum_good.model:Good is no subclass of workbench.Task\n",
    )
    checked = json.loads(museum.call("doctor", "--json").out)["checks"]
    assert {"task nowhere", "task no-task", "plugin fails-at-import"} <= {
        row["check"] for row in checked if row["state"] == "broken"
    }


@pytest.mark.parametrize(("model", "state", "reason"), MODELS)
def test_in_a_run_each_model_ends_as_it_deserves(
    museum: Visit, ran: dict[str, Any], model: str, state: str, reason: str
) -> None:
    ((ended, why),) = museum.rows(f"SELECT state, reason FROM trial WHERE model = '{model}'")
    assert ended == state
    assert reason in why


def test_ours_have_the_scores_that_they_have_alone(
    museum: Visit, ran: dict[str, Any], enter: Callable[..., Visit]
) -> None:
    alone = enter()
    assert alone.call(*RUN, "--trials", "3", "--models", OURS).code == 0
    scores = dict(museum.rows(SCORES))
    of_their_own = dict(alone.rows(SCORES))
    assert [scores[model] for model in OURS.split(",")] == [of_their_own[model] for model in OURS.split(",")]


def test_what_follows_a_model_that_overwrites_the_data_sees_the_data(museum: Visit, ran: dict[str, Any]) -> None:
    numbers = dict(museum.rows("SELECT model, number FROM trial"))
    mutated = [number for model, number in numbers.items() if model.startswith("mutates-")]
    assert numbers["museum-twin-a:twin"] < min(mutated) <= max(mutated) < numbers["good"]
    scores = dict(museum.rows(SCORES))
    assert scores["museum-twin-a:twin"] == scores["good"]


def test_leaderboards_say_whose_a_model_is(ran: dict[str, Any]) -> None:
    plugins = {row["model"]: row["plugin"] for row in ran["leaderboard"]}
    assert plugins["museum-twin-a:twin"] == "museum-twin-a"
    assert plugins["popular"] == "automl-workbench"


def test_nothing_is_left_of_a_run_but_what_was_written_to_the_users_home(museum: Visit, ran: dict[str, Any]) -> None:
    assert sorted(path.name for path in (museum.folder / "work").iterdir()) == ["ratings.csv", "workbench.db"]
    assert list((museum.folder / "temporary").iterdir()) == []
    left = [int(path.name.partition("-")[2]) for path in museum.home.glob("left-*")]
    assert len(left) >= 2
    assert not [pid for pid in left if psutil.pid_exists(pid) and "987654" in psutil.Process(pid).cmdline()]
    assert (museum.home / "museum-was-here").exists(), "a plugin is code with its user's rights"


def test_a_model_that_ignores_its_deadline_is_stopped(installed: None) -> None:
    with run_folder() as folder:
        task = Recommend()
        dataset = task.read(task.example(1), {})
        write_parts(folder, dataset.encoding, task.split(dataset, None, 0))
        setup = Setup(str(folder), "workbench_recommend.task:Recommend", threads=1, device="cpu")
        with Pool(setup, 1, grace=0.5) as pool:
            result = ask(pool, fit_of("museum_good.model:Good"))
            assert result.state == "complete"
            result = ask(pool, fit_of("museum_ignores_deadline.model:IgnoresDeadline", seconds=0.5), seconds=0.5)
            assert (result.state, result.reason) == ("timeout", "stopped at its deadline")
            assert ask(pool, fit_of("museum_good.model:Good")).state == "complete"


def test_a_heavy_library_that_is_there_lets_its_plugin_load(enter: Callable[..., Visit]) -> None:
    visit = enter("imports-heavy", tensorflow="shown")
    rows = json.loads(visit.call("plugins", "--json").out)["plugins"]
    (row,) = (row for row in rows if row["plugin"] not in FIRST_PARTY)
    assert (row["plugin"], row["state"], row["models"]) == ("imports-heavy", "loaded", ["heavy"])


def test_of_two_plugins_with_one_model_name_the_user_says_which(museum: Visit, ran: dict[str, Any]) -> None:
    vague = museum.call("run", "--task", "recommend", "--data", "ratings.csv", "--models", "twin")
    said = "error: model 'twin' is offered by 2 plugins; say museum-twin-a:twin or museum-twin-b:twin\n"
    assert (vague.code, vague.err) == (2, said)
    scores = dict(museum.rows(SCORES))
    assert scores["museum-twin-a:twin"] == scores["popular"] > scores["museum-twin-b:twin"]


@pytest.fixture(scope="module")
def emptied(museum: Visit, ran: dict[str, Any]) -> Visit:
    """The same folder after all exhibits are uninstalled."""
    return Visit(museum.folder, os.pathsep.join(FIRST))


def test_trials_of_plugins_that_are_gone_still_show(museum: Visit, emptied: Visit, ran: dict[str, Any]) -> None:
    for command in (["leaderboard", "--json"], ["show", "1", "--json"], ["runs", "--json"]):
        there, gone = museum.call(*command), emptied.call(*command)
        assert (gone.code, gone.out) == (there.code, there.out)
    assert "museum-good" in emptied.call("show", "1").out


def test_using_them_says_which_plugin_is_missing_and_how_to_get_it_back(
    museum: Visit, emptied: Visit, ran: dict[str, Any]
) -> None:
    kept = next(row for row in ran["leaderboard"] if row["plugin"] != "automl-workbench")
    answers = museum.call("predict", kept["trial"], "--users", "u1")
    assert answers.code == 0, answers.err
    ((good,),) = museum.rows("SELECT uuid FROM trial WHERE model = 'good'")
    assert museum.call("replay", good).code == 0
    for command, model in (
        (["predict", kept["trial"], "--users", "u1"], kept["model"]),
        (["replay", good], "good"),
        (["resume", "1", "--trials", "40"], "good"),
    ):
        gone = emptied.call(*command)
        plugin = kept["plugin"] if model != "good" else "museum-good"
        if command[0] == "resume":  # the first by name of all that are missing
            plugin, model = "museum-nan", "answers-nan"
        said = (
            f"model {model!r} is of {plugin} 1.0, which is not installed; get it back, if you know it (the database "
            f"names it): pip install {plugin}==1.0"
        )
        assert (gone.code, gone.err) == (2, f"error: {said}\n")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, museum: Visit, request: pytest.FixtureRequest) -> Iterator[None]:
    """Has the museum installed in this process and those it starts, with the heavy library."""
    path = [MUSEUM, museum.folder / "site-packages", TENSORFLOW / "shown"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*FIRST, *map(str, path)]))
    monkeypatch.setenv("HOME", str(museum.home))
    for entry in path:
        monkeypatch.syspath_prepend(entry)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("museum_", "tensorflow")):
            del sys.modules[name]


@pytest.mark.parametrize("exhibit", [exhibit for exhibit in EXHIBITS if exhibit.check], ids=lambda each: each.name)
def test_a_check_catches_it_and_names_the_cause(installed: None, exhibit: Exhibit) -> None:
    from workbench.testing import Examination

    with Examination(exhibit.name) as examination:
        (case,) = (case for case in examination.cases if case.id == exhibit.check)
        outcome = examination.run(case)
    assert outcome.state == "failed"
    assert exhibit.says in outcome.seen
