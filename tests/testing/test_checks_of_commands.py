"""Each promise of a plugin's command: one that breaks it is caught and told why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.testing.conftest import found
from workbench.testing.generator import CHECKS
from workbench.testing.subjects_of_plugins import CommandSubject, PluginSubject

CODE = """
import click

@click.command()
def good():
    "Does well."

@click.command()
def silent():
    pass

group = click.Group("group", help="Does several things.")

def plain():
    "Is no click command."
"""

BROKEN = [
    ("run", "good", "its_name_is_free", "command 'run' is refused: that name is Workbench's own"),
    ("ill", "plain", "it_is_a_click_command", "acme:plain is a function"),
    ("ill", "nowhere", "it_is_a_click_command", "it raises AttributeError: module 'acme' has no attribute 'nowhere'"),
    ("ill", "silent", "its_help_says_what_it_does", "its help has no word on what it does"),
]


def only_command(install: Callable[..., Path], name: str, what: str) -> CommandSubject:
    install("acme", CODE, commands=f"{name} = acme:{what}")
    (command,) = PluginSubject("acme", "acme").commands
    return CommandSubject(command)


@pytest.mark.parametrize(("name", "what", "check", "seen"), BROKEN)
def test_a_broken_promise_is_caught_and_the_cause_named(
    install: Callable[..., Path], name: str, what: str, check: str, seen: str
) -> None:
    state, told = found(only_command(install, name, what), "command", check)
    assert (state, told.startswith(seen)) == ("failed", True), told


@pytest.mark.parametrize("what", ["good", "group"])
def test_a_good_command_keeps_every_promise(install: Callable[..., Path], what: str) -> None:
    subject = only_command(install, "well", what)
    outcomes = {check.name: found(subject, "command", check.name) for check in CHECKS["command"]}
    assert outcomes == dict.fromkeys(outcomes, ("passed", ""))


def test_every_check_has_a_broken_command_here() -> None:
    assert {check.name for check in CHECKS["command"]} == {check for _, _, check, _ in BROKEN}
