"""The example of a whole task: small, made of public names, and used like the tasks that come with Workbench."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

import workbench
from tests.conftest import Called
from tests.examples.conftest import PLUGINS
from tests.test_imports import imports, inside
from workbench import Context, DataError, Source
from workbench.planning import ask, suited
from workbench.registry import Registry
from workbench.settings import RunSettings

SOURCES = sorted((PLUGINS / "workbench-tabular/workbench_tabular").glob("*.py"))
MODELS = ("constant", "linear", "forest", "lightgbm")


@pytest.fixture
def tabular(example: Callable[..., Path]) -> Any:
    """The task, installed."""
    example("workbench-tabular")
    from workbench_tabular.task import Tabular

    return Tabular()


def model_of(name: str) -> Any:
    from workbench_tabular import models

    return {"lightgbm": models.LightGBM, "linear": models.Linear, "forest": models.Forest, "constant": models.Constant}[
        name
    ]


def test_its_whole_source_is_at_most_200_lines() -> None:
    assert sum(len(path.read_text().splitlines()) for path in SOURCES) <= 200


def test_it_uses_public_names_alone() -> None:
    used = set().union(*(inside(imports(path)) for path in SOURCES))
    assert used <= {"space", "data", "metrics", "blocks", "errors", "contract"}


def people(n: int = 60, number: bool = False) -> pa.Table:
    """A number, a category, both with gaps; a name, which says nothing; a target."""
    rng = np.random.default_rng(0)
    age, city = rng.integers(18, 80, n), rng.choice(["Lima", "Oslo", "Rome"], n)
    goal = age / 10 + (city == "Lima") if number else np.where((age > 45) ^ (city == "Lima"), "yes", "no")
    gaps = rng.random((2, n)) < 0.1
    return pa.table(
        {
            "name": [f"person {row}" for row in range(n)],
            "age": ["NA" if gap else str(value) for gap, value in zip(gaps[0], age, strict=True)],
            "city": ["" if gap else str(value) for gap, value in zip(gaps[1], city, strict=True)],
            "planet": ["Earth"] * n,
            "goal": goal,
        }
    )


def test_columns_are_numbers_categories_or_nothing(tabular: Any) -> None:
    dataset = tabular.read(Source(people()), {"target": "goal"})
    assert dataset.encoding.numbers == ["age"]
    assert dataset.encoding.categories == {"city": ["Lima", "Oslo", "Rome"]}
    assert "left out, constant or without repeats: name, planet" in dataset.report.notes
    assert np.isnan(dataset.data.numbers).any() and (dataset.data.categories == -1).any()


def test_nothing_to_learn_from_is_said(tabular: Any) -> None:
    with pytest.raises(DataError, match="no column beside goal holds numbers or categories"):
        tabular.read(Source(people().select(["name", "planet", "goal"])), {"target": "goal"})


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("number", [False, True])
def test_models_learn_and_come_back(tabular: Any, tmp_path: Path, name: str, number: bool) -> None:
    dataset = tabular.read(Source(people(200, number)), {"target": "goal"})
    split = tabular.split(dataset, None, 0)
    model, again = model_of(name)(), model_of(name)()
    model.fit(split.train_valid, Context(seed=1))
    model.save(tmp_path)
    again.restore(tmp_path)
    query = {"input": people(200, number).slice(0, 7)}
    answer = tabular.answer(model, dataset.encoding, query).table
    assert answer.num_rows == 7 and answer == tabular.answer(again, dataset.encoding, query).table
    constant = model_of("constant")()
    constant.fit(split.train_valid, Context())
    metric = tabular.metrics_for(split.test)[0]
    found, least = (
        tabular.evaluate(each, split.test, [metric.name]).metrics[metric.name] for each in (model, constant)
    )
    assert name == "constant" or (name == "linear" and not number) or metric.objective(found) > metric.objective(least)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("columns", [["age", "goal"], ["city", "goal"]])
def test_models_take_tables_of_one_kind_of_column(tabular: Any, name: str, columns: list[str]) -> None:
    dataset = tabular.read(Source(people().select(columns)), {"target": "goal"})
    model = model_of(name)()
    model.fit(dataset.data, Context())
    assert np.isfinite(model.predict_proba(dataset.data)).all()


def test_unknown_categories_are_missing_and_missing_columns_an_error(tabular: Any) -> None:
    dataset = tabular.read(Source(people()), {"target": "goal"})
    model = model_of("linear")()
    model.fit(dataset.data, Context())
    answer = tabular.answer(model, dataset.encoding, {"input": pa.table({"city": ["Bonn", ""], "age": ["3", ""]})})
    assert answer.notices == ("1 values of city are unknown and count as missing",)
    with pytest.raises(DataError, match="no column 'age'"):
        tabular.answer(model, dataset.encoding, {"input": pa.table({"city": ["Rome"]})})
    with pytest.raises(DataError, match="row 2, column age: 'old' is not a number"):
        tabular.answer(model, dataset.encoding, {"input": pa.table({"city": ["Rome"] * 2, "age": ["3", "old"]})})


def test_a_metric_of_the_other_kind_is_refused_and_the_default_is_the_data_s(tabular: Any) -> None:
    part = tabular.read(Source(people(number=True)), {"target": "goal"}).data
    settings = RunSettings.from_mapping({"task": "tabular", "data": "x.csv"})
    question = suited(ask(Registry.discovered(), settings), settings, part)
    assert question.metric.name == "rmse" and set(question.metrics) == {"rmse", "mae", "r2"}
    settings = RunSettings.from_mapping({"task": "tabular", "data": "x.csv", "metric": "accuracy"})
    with pytest.raises(workbench.UserError, match="--metric accuracy does not suit this data; choose from rmse, mae"):
        suited(ask(Registry.discovered(), settings), settings, part)


def test_from_a_file_to_predictions(
    example: Callable[..., Path], workbench: Callable[..., Called], tmp_path: Path
) -> None:
    site = {"PYTHONPATH": str(example("workbench-tabular"))}
    pc.write_csv(people(90), tmp_path / "people.csv")
    asked = ("--task", "tabular", "--data", "people.csv", "--target", "goal", "--models", "linear,lightgbm")
    done = workbench("run", *asked, "--trials", "3", "--json", env=site)
    assert done.code == 0, done.err
    rows = done.json["leaderboard"]
    assert {row["model"] for row in rows} >= {"constant", "linear", "lightgbm"} and done.json["metric"] == "accuracy"
    assert rows[0]["valid"] > done.json["baseline"]["valid"]["accuracy"]
    of_all = {"accuracy", "log-loss", "balanced-accuracy", "macro-f1", "roc-auc"}
    assert set(done.json["best"]["test"]) == of_all | {"f1@no", "f1@yes"}

    again = workbench("resume", done.json["run"], "--trials", "4", "--json", env=site)
    assert again.code == 0, again.err
    assert sum(again.json["trials"].values()) > sum(done.json["trials"].values())

    trial = again.json["best"]["trial"]
    written = workbench("predict", trial, "--input", "people.csv", "--output", "out.csv", env=site)
    assert written.code == 0, written.err
    with (tmp_path / "out.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert header == ["row", "prediction", "p(no)", "p(yes)"] and len(lines) == 90
    assert all((line[1] == "yes") == (float(line[3]) > 0.5) for line in lines)
    right = np.mean([line[1] == goal for line, goal in zip(lines, people(90)["goal"].to_pylist(), strict=True)])

    scored = workbench("evaluate", trial, "--data", "people.csv", "--json", env=site)
    assert scored.json["metrics"]["accuracy"]["value"] == pytest.approx(float(right))

    member = next(row["trial"] for row in again.json["leaderboard"] if row["model"] == "lightgbm")
    replayed = workbench("replay", member, env=site)
    assert replayed.code == 0 and "done again: equal" in replayed.out
