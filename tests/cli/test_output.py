"""Whatever a database holds, the screen shows it as text."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from workbench.cli import cli, searching
from workbench.cli.output import elsewhere, figure, table_lines
from workbench.errors import UserError
from workbench.printable import steers

EVIL = "\x1b]0;x\x07\x1b[2J[red]a[/red] \u202eb\u2066 \x9b31m :skull: \r\nc\u2028d\u200be\t"
TEXTS = {
    "dataset": ["name"],
    "board": ["split"],
    "run": ["name", "reason", "note", "split_summary", "baseline"],
    "run_model": ["reason", "allocation", "plugin"],
    "trial": ["note", "reason", "traceback"],
    "trial_group": ["name", "grouped_by"],
}
COMMANDS = ("leaderboard", "runs", "show 1", "show c803", "artifacts list")
NO_SURROGATES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def shown(folder: Path, text: str) -> dict[str, str]:
    """What the commands print where every free text of a database is this one."""
    path = folder / "forged.db"
    shutil.copy(ROOT / "tests/databases/schema-1.db", path)
    with closing(sqlite3.connect(path)) as database, database:
        for table, columns in TEXTS.items():
            for column in columns:
                database.execute(f"UPDATE {table} SET {column} = ?", [text])
        database.execute("UPDATE trial SET params = ? WHERE id = 3", [json.dumps({text: text})])
        database.execute("UPDATE run SET leakage = ?, versions = ?", [json.dumps([text]), json.dumps({text: text})])
        database.execute("INSERT INTO trial_mistake VALUES (1, 1, ?, ?, ?, 0.9)", [text] * 3)
    found = {}
    for command in COMMANDS:
        for form in ("", " --json"):
            called = CliRunner().invoke(cli, [*f"{command}{form}".split(), "--db", f"sqlite:///{path}"])
            assert called.exit_code == 0, called.output
            found[command + form] = called.stdout
    return found


@given(NO_SURROGATES.filter(lambda text: text.strip() != ""))
@example(EVIL)
@settings(max_examples=5)
def test_no_text_of_a_database_steers_the_terminal(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("forged")
    harmless, hostile = shown(folder, "x"), shown(folder, text)
    for command, output in hostile.items():
        steering = {letter for letter in output if steers(letter)} - set("\n\t\u200c\u200d")
        assert not steering, command
        if command.endswith("--json"):
            json.loads(output)
        elif command != "show c803":  # a traceback has the lines that it has
            assert len(output.splitlines()) == len(harmless[command].splitlines())


def test_a_cell_is_no_more_than_its_piece_of_the_line() -> None:
    header, line = table_lines([{"a\nb": "x\r\ny", "c": "\x1b[2J"}], ["a\nb", "c"], 80)
    assert (header, line) == ("a\\nb    c", "x\\r\\ny  \\x1b[2J")


@pytest.mark.parametrize("width", [1, 2, 20])
def test_a_narrow_terminal_cuts_the_line(width: int) -> None:
    assert all(len(line) <= width for line in table_lines([{"a": "xyz" * 20}], ["a"], width))


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (-0.0, "0.0000"), (-0.00001, "0.0000"), (-0.5, "-0.5000"), (float("nan"), "nan")]
)
def test_no_figure_is_less_than_nothing_and_zero(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_the_address_to_copy_is_quoted_for_the_shell() -> None:
    assert elsewhere("sqlite:///my runs/a&b.db", "a&b.db") == " --db 'sqlite:///my runs/a&b.db'"
    assert elsewhere("postgresql://u:secret@h/x y", "postgresql://u@h/x y") == " --db 'postgresql://u@h/x y'"


def test_all_that_is_printed_passes_the_one_place() -> None:
    for path in (ROOT / "workbench/cli").glob("*.py"):
        if path.name not in ("output.py", "screen.py", "__init__.py", "streams.py"):
            text = path.read_text(encoding="utf-8")
            assert "click.echo" not in text, path.name
            assert "print(" not in text.replace("out.print(Text(", ""), path.name


def test_an_unknown_setting_of_a_file_names_the_file_and_its_table(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    config.write_text('task = "recommend"\nuser_column = "u"\n')
    called = CliRunner().invoke(cli, ["run", "--config", str(config)])
    said = f"no setting 'user_column' (a setting of the task goes into the table [options] of {config})"
    assert str(called.exception) == said


def test_filters_that_no_run_fits_are_wrong_input(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/databases/schema-1.db", tmp_path / "a.db")
    for asked in (["--data", "nope"], ["--run", "99"], ["--metric", "rmse"]):
        called = CliRunner().invoke(cli, ["leaderboard", *asked, "--db", f"sqlite:///{tmp_path}/a.db"])
        assert isinstance(called.exception, UserError), asked


def test_a_run_that_tried_the_baseline_alone_says_so() -> None:
    row = {"model": "popular", "tie": False}
    late = "the search ended before its turn"
    summary = {"run": 1, "leaderboard": [row], "baseline": row, "trials": {"complete": 1}, "budget_seconds": None}
    untried = {**dict.fromkeys("abcdef", late), "slim": "no time for a trial of 9 s"}
    assert next(searching._warnings({**summary, "untried": untried})) == (
        "No model but the baseline popular was tried: "
        f"a, b, c, d, e and others: {late}; slim: no time for a trial of 9 s."
    )
    assert list(searching._warnings({**summary, "untried": {}})) == []
