"""A run written into an Optuna storage: the same trials, read by Optuna and by its dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest

from tests.conftest import Called, write_ratings
from workbench.errors import StoreError, UnknownName, UserError
from workbench.exporting import export_study
from workbench.store import resuming
from workbench.store.database import Database

RUN = ("run", "--task", "recommend", "--data", "ratings.csv", "--workers", "1", "--split", "user-random")
SEARCH = ("--models", "popular,ease,als", "--set", "als.factors=4", "--trials", "9")


@pytest.fixture(scope="module")
def url(call: Callable[..., Called], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of the database of a run that all tests read and none changes."""
    folder = write_ratings(tmp_path_factory.mktemp("searched")).parent
    assert call(folder, *RUN, *SEARCH).code == 0
    return f"sqlite:///{folder}/workbench.db"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as opened:
        yield opened


def test_every_trial_is_there_with_its_value_and_params(database: Database, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/optuna.db"
    written = export_study(database, 1, url)
    records = [record for record in resuming.records(database, 1) if record["model"] != "ensemble"]
    assert sum(written.values()) == len(records) == 9
    for model in ("popular", "ease", "als"):
        study = optuna.load_study(study_name=f"run 1 {model}", storage=url)
        own = [record for record in records if record["model"] == model]
        assert study.direction == optuna.study.StudyDirection.MAXIMIZE
        assert [trial.value for trial in study.trials] == [record["valid"]["ndcg@10"][0] for record in own]
        assert [trial.user_attrs["trial"] for trial in study.trials] == [record["uuid"] for record in own]
        for trial, record in zip(study.trials, own, strict=True):
            held = {name: value for name, value in record["params"].items() if name not in trial.params}
            assert trial.params == {name: record["params"][name] for name in trial.params}
            assert held == {name: trial.user_attrs[name] for name in held}
            assert ("factors" in held) == (model == "als"), "4 lies outside the space"


def test_the_dashboard_opens_it(database: Database, tmp_path: Path) -> None:
    import optuna_dashboard

    url = f"sqlite:///{tmp_path}/optuna.db"
    export_study(database, 1, url)
    app = optuna_dashboard.wsgi(optuna.storages.RDBStorage(url))

    def get(path: str) -> Any:
        environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
        setup_testing_defaults(environ)
        status: list[str] = []
        body = b"".join(app(environ, lambda line, headers, *_: status.append(line)))
        assert status == ["200 OK"], body
        return json.loads(body)

    studies = {study["study_name"]: study for study in get("/api/studies")["study_summaries"]}
    assert set(studies) == {"run 1 popular", "run 1 ease", "run 1 als"}
    found = get(f"/api/studies/{studies['run 1 ease']['study_id']}")
    assert all(trial["state"] == "Complete" for trial in found["trials"])
    assert {param["name"] for param in found["union_search_space"]} == {"l2", "user_discount", "item_discount"}


def test_what_cannot_be_exported_is_refused(database: Database, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/optuna.db"
    export_study(database, 1, url)
    with pytest.raises(UserError, match="study 'run 1 popular' is there already"):
        export_study(database, 1, url)
    with pytest.raises(UnknownName, match="no run '7'"):
        export_study(database, 7, url)
    with pytest.raises(StoreError, match="no database address; write it as sqlite"):
        export_study(database, 1, "nonsense")
    with pytest.raises(StoreError, match="cannot be used: unable to open database file"):
        export_study(database, 1, "sqlite:////nowhere/at/all.db")


def test_the_command_says_what_it_wrote(url: str, workbench: Callable[..., Called]) -> None:
    called = workbench("export-study", "1", "sqlite:///optuna.db", "--db", url)
    assert called.code == 0
    assert "run 1 popular: 1 trial\n" in called.out
    assert "optuna-dashboard sqlite:///optuna.db" in called.err
    again = workbench("export-study", "1", "sqlite:///optuna.db", "--json", "--db", url)
    assert again.code == 2 and again.err.startswith("error: sqlite:///optuna.db: study 'run 1 popular'")
