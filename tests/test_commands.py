"""Commands of plugins: listed without import, imported when called, and in nobody's way."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from workbench import cli
from workbench.commands import COMMANDS
from workbench.discovery import discover

Install = Callable[..., Path]

GREETS = """
import click
@click.command()
@click.option("--name", default="you")
@click.pass_obj
def command(common, name):
    "Say hello."
    if name == "nobody": raise KeyError("nobody")
    if name == "three": click.get_current_context().exit(3)
    if name == "wrong": raise click.UsageError("not that one")
    click.echo(f"hello {name}, {common['db']}")
"""


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Calls the command in this process: (exit code, standard output, standard error)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["workbench", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return call


Call = Callable[..., tuple[int, str, str]]


def imported(site: Path, module: str) -> bool:
    return (site / f"{module}.imported").exists()


@pytest.fixture(autouse=True)
def _no_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_PLUGINS_OFF", raising=False)


def test_it_is_listed_with_its_owner_and_imported_when_called(install: Install, call: Call) -> None:
    site = install("acme-tools", GREETS, entries="", commands="greet = acme_tools:command")
    code, out, _ = call("--help")
    assert (code, out.split("Commands of plugins:\n")[1].split()) == (0, ["greet", "from", "acme-tools", "1.0"])
    assert not imported(site, "acme_tools")
    assert call("--db", "sqlite:///x.db", "greet", "--name", "me") == (0, "hello me, sqlite:///x.db\n", "")
    assert imported(site, "acme_tools")


def test_without_any_there_is_no_heading(call: Call) -> None:
    assert "plugins:" not in call("--help")[1]


def test_ours_are_called_without_a_look_at_what_is_installed(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.cli.plugin_commands.plugin_commands", lambda: pytest.fail("looked"))
    assert call("db", "--help")[0] == 0


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("nobody", 1, "error: command 'greet' of acme 1.0 failed: KeyError: 'nobody'; workbench --debug greet shows"),
        ("three", 3, ""),
        ("wrong", 2, "error: not that one"),
    ],
)
def test_what_goes_wrong_in_it_is_said_to_be_its_own(
    install: Install, call: Call, name: str, code: int, said: str
) -> None:
    install("acme", GREETS, commands="greet = acme:command")
    ended, out, err = call("greet", "--name", name)
    assert (ended, out, err.startswith(said), "Traceback" in err) == (code, "", True, False)


def test_its_traceback_is_shown_on_demand(install: Install, call: Call) -> None:
    install("acme", GREETS, commands="greet = acme:command")
    _, _, err = call("--debug", "greet", "--name", "nobody")
    assert "Traceback" in err and "acme.py" in err


@pytest.mark.parametrize(
    ("code", "entry", "said"),
    [
        ("import no_such_library", "acme:command", "cannot be imported: ModuleNotFoundError: No module named 'no_such"),
        ("raise SystemExit(0)", "acme:command", "cannot be imported: SystemExit: 0"),
        ("", "acme:command", "cannot be imported: AttributeError: module 'acme' has no attribute 'command'"),
        ("", "nowhere:command", "cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("def command(): pass", "acme:command", "cannot be used: acme:command is a function, no click command"),
    ],
)
def test_one_that_cannot_be_used_is_one_line_that_names_its_distribution(
    install: Install, call: Call, code: str, entry: str, said: str
) -> None:
    install("acme", f"print('spoils JSON')\n{code}", entries="", commands=f"greet = {entry}")
    ended, out, err = call("greet")
    line = err.splitlines()[-1]
    assert (ended, out) == (2, "")
    assert line.startswith(f"error: command 'greet' of acme 1.0 {said}")
    assert line.endswith("repair or uninstall acme")
    assert call("--help")[0] == 0


def test_a_name_that_is_ours_or_claimed_twice_is_refused_with_its_owners(install: Install, call: Call) -> None:
    install("acme", GREETS, commands="greet = acme:command\nrun = acme:command")
    site = install("zeta", GREETS, commands="greet = zeta:command\n-x = zeta:command")
    ended, _, err = call("greet")
    assert (ended, err) == (
        2, "error: command 'greet' is refused: acme and zeta offer it; workbench plugins lists them\n",
    )  # fmt: skip
    assert "Search for the best model" in call("run", "--help")[1]
    assert "Commands of plugins" not in call("--help")[1]
    assert not imported(site, "acme") and not imported(site, "zeta")
    found = {plugin.name: plugin for plugin in discover()}
    twice = "command 'greet' is refused: acme and zeta offer it"
    assert found["acme"].reason == f"{twice}; command 'run' is refused: that name is Workbench's own"
    assert found["zeta"].reason == (f"command '-x' is refused: a name is letters, digits, '-', '_' and '.'; {twice}")
    assert (found["acme"].state, found["acme"].commands) == ("loaded", ())


@pytest.mark.parametrize("off", ["acme", "the-plugin"])
def test_a_blocked_plugin_hides_its_commands_and_leaves_the_name_to_others(
    install: Install, call: Call, monkeypatch: pytest.MonkeyPatch, off: str
) -> None:
    site = install("acme", GREETS, entry="the-plugin", commands="greet = acme:command\nwave = acme:command")
    install("zeta", GREETS, commands="greet = zeta:command")
    monkeypatch.setenv("WORKBENCH_PLUGINS_OFF", off)
    assert call("--help")[1].split("Commands of plugins:\n")[1].split() == ["greet", "from", "zeta", "1.0"]
    assert call("greet") == (0, "hello you, None\n", "")
    said = "error: command 'wave' of acme: switched off by --no-plugin or WORKBENCH_PLUGINS_OFF"
    assert call("wave") == (2, "", f"{said}; workbench plugins lists them\n")
    assert not imported(site, "acme")


def test_one_for_another_version_is_not_imported(install: Install, call: Call) -> None:
    site = install("acme", GREETS, entries="", commands="greet = acme:command", requires=("automl-workbench>=99",))
    assert "greet" not in call("--help")[1]
    assert "error: command 'greet' of acme: requires automl-workbench >=99" in call("greet")[2]
    assert [(plugin.state, plugin.commands) for plugin in discover() if plugin.name == "acme"] == [("incompatible", ())]
    assert not imported(site, "acme")


def test_plugins_and_doctor_list_them(install: Install, call: Call) -> None:
    install("acme-tools", GREETS, entries="", commands="greet = acme_tools:command\nrun = acme_tools:command")
    install("zeta", "@hookimpl\ndef workbench_run_finished(): pass")
    rows = {row["plugin"]: row for row in json.loads(call("plugins", "--json")[1])["plugins"]}
    assert rows["recommend"]["commands"] == rows["recommend"]["observes"] == []
    assert rows["zeta"]["observes"] == ["run_finished"]
    assert (rows["acme-tools"]["state"], rows["acme-tools"]["commands"]) == ("loaded", ["greet"])
    assert rows["acme-tools"]["reason"] == "command 'run' is refused: that name is Workbench's own"
    header, *_, reason = call("plugins")[1].splitlines()
    assert reason == "acme-tools: command 'run' is refused: that name is Workbench's own"
    assert header.split()[-2:] == ["observes", "commands"]
    checks = {row["check"]: row for row in json.loads(call("doctor", "--json")[1])["checks"]}
    assert checks["plugin acme-tools"]["state"] == "noted"
    assert "command greet; command 'run' is refused" in checks["plugin acme-tools"]["found"]
    assert "observes" in checks["plugin zeta"]["found"]


def test_a_misspelt_one_is_offered(install: Install, call: Call) -> None:
    install("acme", GREETS, commands="greet = acme:command")
    assert "did you mean 'greet'?" in call("greeet")[2]


def test_completion_offers_ours_and_imports_nobody_s(install: Install) -> None:
    site = install("acme", "raise RuntimeError", commands="rung = acme:command")
    found = ShellComplete(cli.cli, {}, "workbench", "_WORKBENCH_COMPLETE").get_completions([], "ru")
    assert [item.value for item in found] == ["run", "runs"]
    assert not imported(site, "acme")


def test_every_one_of_ours_is_there() -> None:
    context = click.Context(cli.cli)
    assert all(isinstance(cli.cli.get_command(context, name), click.Command) for name in COMMANDS)
