"""The command `workbench`: one file per command, imported when the command is called."""

from __future__ import annotations

import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

import click

from workbench._version import __version__
from workbench.cli import plugin_commands, streams
from workbench.cli.passwords import hidden
from workbench.commands import COMMANDS
from workbench.errors import WorkbenchError
from workbench.printable import one_line, printable


class Commands(click.Group):
    """Knows every command by name and help, and imports only the one that is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return [*COMMANDS, *plugin_commands.listed()]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            command: click.Command = import_module(f"workbench.cli.{name.replace('-', '_')}").command
            return command
        # Completion asks for every command, and imports nobody's code for it.
        return None if context.resilient_parsing else plugin_commands.load(name)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        command = None if name.startswith("-") else self.get_command(context, name)
        if command is not None:
            return name, command, args[1:]
        if name.startswith("-") or context.resilient_parsing:
            return super().resolve_command(context, args)
        near = get_close_matches(name, self.list_commands(context), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        context.fail(f"no command {name!r}; {hint}(workbench --help lists them)")

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (click.ClickException, click.Abort, click.exceptions.Exit, WorkbenchError):
            raise
        except Exception as error:
            name = context.invoked_subcommand
            if name is None or name in COMMANDS:
                raise
            raise plugin_commands.fault(name, error) from error

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, rows in {"Commands": COMMANDS, "Commands of plugins": plugin_commands.listed()}.items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(list(rows.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="workbench", message="%(prog)s %(version)s")
@click.option("--db", metavar="URL", help="The database; WORKBENCH_DB, else sqlite:///workbench.db.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def cli(context: click.Context, db: str | None, debug: bool) -> None:
    """From a file to the best model that can be found in the time you give it.

    \b
    workbench run --task recommend --data ratings.csv --time 10m
    workbench leaderboard
    workbench predict TRIAL --users 42 -k 10
    """
    context.obj = {"db": db, "debug": debug}


def main() -> NoReturn:
    """Run a command; errors are one line, and the exit code says whose they are."""
    streams.guard()
    try:
        code: Any = cli.main(prog_name="workbench", standalone_mode=False)
    except (WorkbenchError, click.ClickException) as error:
        code = error.exit_code
        _complain(error.format_message() if isinstance(error, click.ClickException) else str(error))
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except Exception as error:  # noqa: BLE001 (nothing above could say it in one line)
        code = 1
        _complain(_unexpected(error))
    sys.exit(streams.settle(code if isinstance(code, int) else 0))


def _unexpected(error: Exception) -> str:
    """Whose fault it is, and what it says."""
    from workbench.discovery import fault
    from workbench.installed import at_fault
    from workbench.shortage import shortage

    if lacking := shortage(error):
        return lacking
    plugin = at_fault(error)
    whose = f"plugin {plugin.name} of {plugin.distribution} {plugin.version} failed" if plugin else "internal fault"
    return f"{whose}: {fault(error)}; run again with --debug for the traceback"


def _complain(text: str) -> None:
    """Say what is wrong; under `--debug`, with the traceback of the exception that is being handled."""
    if "--debug" in sys.argv:
        print(printable(hidden(traceback.format_exc(), sys.argv[1:])), end="", file=sys.stderr)
        return
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    print(one_line(hidden(f"error: {' '.join(lines)}", sys.argv[1:])), file=sys.stderr)
