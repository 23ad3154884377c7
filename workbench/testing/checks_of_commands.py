"""What a command that a plugin brings promises."""

from __future__ import annotations

import click

from workbench.testing.promises import Broken, check
from workbench.testing.subjects_of_plugins import CommandSubject


@check(
    "command",
    promised="nobody else has its name: no command of Workbench, and none of another installed plugin",
    remedy="choose another name for the entry point: until then the command cannot be called",
)
def its_name_is_free(subject: CommandSubject) -> None:
    if subject.command.reason:
        raise Broken(subject.command.reason)


@check(
    "command",
    promised="the entry point names a click command that can be imported",
    remedy='write name = "package.module:command", where `command` is what @click.command() makes',
)
def it_is_a_click_command(subject: CommandSubject) -> None:
    if not isinstance(subject.loaded, click.Command):
        raise Broken(f"{subject.command.entry.value} is a {type(subject.loaded).__name__}")


@check(
    "command",
    promised="its --help can be shown, and says what it does",
    remedy="give the function a docstring of a line or more; click shows it",
    after=it_is_a_click_command,
)
def its_help_says_what_it_does(subject: CommandSubject) -> None:
    command = subject.loaded
    with click.Context(command, info_name=f"workbench {subject.command.name}") as context:
        command.get_help(context)
    if not command.get_short_help_str().strip():
        raise Broken("its help has no word on what it does")
