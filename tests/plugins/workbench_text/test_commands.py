"""What the commands show of texts and their classes, on one finished run."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.conftest import Called
from workbench import load
from workbench_text.task import made_up

Cli = Callable[..., Called]
NASTY = "\x1b]0;title\x07great fresh warm lovely\nquick\t[bold]soup[/bold] " + "好吃" * 60
HOW = ("--models", "complement-nb,linear-svm", "--trials", "4", "--workers", "1", "--keep", "9")


def write(path: Path, table: pa.Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([table.column_names, *zip(*table.to_pydict().values(), strict=True)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run's files are."""
    return tmp_path_factory.mktemp("texts")


@pytest.fixture
def cli(workbench: Cli, folder: Path) -> Cli:
    """Calls the command on the run's database, which the first caller makes."""

    def call(*arguments: str | Path) -> Called:
        return workbench(*arguments, env={"WORKBENCH_DB": f"sqlite:///{folder}/workbench.db"})

    if not (folder / "workbench.db").exists():
        texts = made_up(seed=1, n=300)
        write(folder / "train.csv", texts.slice(60))
        nasty = pa.table({"text": [NASTY], "label": ["bad"]})
        write(folder / "test.csv", pa.concat_tables([texts.slice(0, 60), nasty]))
        data = ("--data", folder / "train.csv", "--test-data", folder / "test.csv")
        done = call("run", "--task", "text-classification", *data, *HOW)
        assert done.code == 0, done.err
    return call


def test_every_finalist_shows_its_worst_mistakes_on_a_line_each(cli: Cli, folder: Path) -> None:
    with sqlite3.connect(folder / "workbench.db") as database:
        query = (
            "SELECT trial.uuid, model, count(position) FROM trial LEFT JOIN trial_mistake ON trial_id = trial.id "
            "WHERE final_rank IS NOT NULL GROUP BY trial.id"
        )
        counts = database.execute(query).fetchall()
        assert len(counts) >= 3 and all(1 <= count <= 10 for *_, count in counts)
    best = next(trial for trial, model, _ in counts if model == "complement-nb")
    mistakes = cli("show", best, "--json").json["mistakes"]
    assert all(mistake["right_class"] != mistake["predicted_class"] for mistake in mistakes)
    sure = [mistake["probability"] for mistake in mistakes]
    assert sure == sorted(sure, reverse=True) and 0.5 <= sure[-1] <= sure[0] <= 1
    nasty = r"\x1b]0;title\x07great fresh warm lovely quick [bold]soup[/bold] " + "好吃" * 60
    shown = cli("show", best)
    (line,) = (line for line in shown.out.splitlines() if "great fresh warm lovely quick" in line)
    assert line.startswith("bad          good  ") and line.endswith(f"  {nasty[:99]}…")
    assert "\x1b" not in shown.out and "worst mistakes on test" in shown.out
    with sqlite3.connect(folder / "workbench.db") as database:
        query = "SELECT right_class, predicted_class FROM trial_mistake WHERE example LIKE '%great fresh warm l%'"
        assert ("bad", "good") in database.execute(query).fetchall()


def test_new_data_shows_them_too(cli: Cli, folder: Path) -> None:
    best = cli("leaderboard", "--json").json["leaderboard"][0]["trial"]
    write(folder / "new.csv", pa.table({"text": ["great fresh soup", "cold stale rice"], "label": ["bad", "bad"]}))
    found = cli("evaluate", best, "--data", folder / "new.csv", "--json").json
    (mistake,) = found["mistakes"]
    assert (mistake["example"], mistake["right_class"], mistake["predicted_class"]) == (
        "great fresh soup", "bad", "good",
    )  # fmt: skip
    assert "worst mistakes\n" in cli("evaluate", best, "--data", folder / "new.csv").out


def test_calibrated_probabilities_are_of_the_same_answers(cli: Cli, folder: Path) -> None:
    with sqlite3.connect(folder / "workbench.db") as database:
        rows = database.execute("SELECT uuid, model, temperature FROM trial WHERE final_rank IS NOT NULL").fetchall()
    assert len(rows) >= 3 and all(temperature > 0 for *_, temperature in rows)
    trial, _, temperature = next(row for row in rows if row[1] == "complement-nb")
    asked = ("predict", trial, "--input", folder / "test.csv", "--json")
    plain, calm = cli(*asked).json["predictions"], cli(*asked, "--calibrated").json["predictions"]
    assert [row["prediction"] for row in plain] == [row["prediction"] for row in calm]
    for before, after in zip(plain, calm, strict=True):
        odds = [np.log(row["p(good)"] / row["p(bad)"]) for row in (before, after)]
        assert odds[1] == pytest.approx(odds[0] / temperature, abs=1e-3)
    assert f"temperature   {temperature:.2f}" in cli("show", trial).out


def test_what_has_no_temperature_is_not_calibrated(cli: Cli, folder: Path) -> None:
    trial = cli("leaderboard", "--json").json["leaderboard"][0]["trial"]
    with sqlite3.connect(folder / "workbench.db") as database:
        ((uuid, temperature),) = database.execute(
            "SELECT uuid, temperature FROM trial WHERE uuid LIKE ?", [f"{trial}%"]
        )
        database.execute("UPDATE trial SET temperature = NULL WHERE uuid = ?", [uuid])
        database.commit()
    try:
        refused = cli("predict", trial, "--input", folder / "test.csv", "--calibrated")
    finally:
        with sqlite3.connect(folder / "workbench.db") as database:
            database.execute("UPDATE trial SET temperature = ? WHERE uuid = ?", [temperature, uuid])
    assert refused.code == 2 and refused.out == ""
    assert refused.err.strip() == (
        f"error: trial {trial} has nothing to be calibrated by: its task gives no probabilities here, or the trial was "
        "stored without a temperature; predict without --calibrated"
    )


def test_new_texts_may_be_in_an_encoding_of_their_own(cli: Cli, folder: Path) -> None:
    trial = cli("leaderboard", "--json").json["leaderboard"][0]["trial"]
    new = folder / "gbk.csv"
    new.write_text("text,label\n今天 好吃 fresh,good\n今天 难吃 stale,bad\n", encoding="gbk")
    refused = cli("predict", trial, "--input", new)
    assert refused.code == 2 and refused.err.startswith("error: gbk.csv, byte 11: not utf-8 text; say which it is")
    rows = cli("predict", trial, "--input", new, "--encoding", "gbk", "--json").json["predictions"]
    assert [row["prediction"] for row in rows] == ["good", "bad"]
    found = cli("evaluate", trial, "--data", new, "--encoding", "gbk", "--json").json
    assert found["metrics"]["accuracy"]["value"] == 1.0
    served = load(trial, db=f"sqlite:///{folder}/workbench.db")
    alike = replace(served, settings=replace(served.settings, encoding="gbk"))
    assert alike.predict(input=str(new)).column("prediction").to_pylist() == ["good", "bad"]
    assert alike.predict(input=str(folder / "test.csv"), encoding="utf-8").num_rows == 61
