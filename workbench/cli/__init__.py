"""The command `workbench`: one file per command, imported when the command is called."""

from __future__ import annotations

import re
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NoReturn

import click

from workbench._version import __version__
from workbench.errors import WorkbenchError

COMMANDS = {
    "run": "Search for the best model of a task.",
    "resume": "Go on with a run that was interrupted, killed or is finished.",
    "runs": "List the runs in the database.",
    "show": "Show all that is known of a run or a trial.",
    "leaderboard": "Rank the trials that may be compared.",
    "predict": "Answer a query with a fitted model.",
    "evaluate": "Score a fitted model on new data.",
    "models": "List the models on offer.",
    "tasks": "List the tasks on offer, and what a task can be told.",
    "metrics": "List the metrics of a task and what they mean.",
    "plugins": "List the installed plugins and what became of each.",
    "replay": "Try a trial again, and say whether it gives the same.",
    "export-study": "Write a run into an Optuna storage.",
    "artifacts": "List, fetch or verify what is stored of a run.",
    "db": "Upgrade, check or clean the database.",
    "doctor": "Check this installation and this machine.",
}


class Commands(click.Group):
    """Knows every command by name and help, and imports only the one that is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"workbench.cli.{name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            context.fail(f"no command {args[0]!r}; {hint}(workbench --help lists them)")
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


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
    try:
        code: Any = cli.main(prog_name="workbench", standalone_mode=False)
    except (WorkbenchError, click.ClickException) as error:
        code = error.exit_code
        _complain(error.format_message() if isinstance(error, click.ClickException) else str(error))
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except Exception as error:  # noqa: BLE001 (nothing above could say it in one line)
        code = 1
        _complain(f"internal fault: {type(error).__name__}: {error}; run again with --debug for the traceback")
    sys.exit(code if isinstance(code, int) else 0)


def _complain(text: str) -> None:
    """Say what is wrong; under `--debug`, with the traceback of the exception that is being handled."""
    if "--debug" in sys.argv:
        click.echo(_without_passwords(traceback.format_exc()), err=True, nl=False)
        return
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    click.echo(_without_passwords(f"error: {' '.join(lines)}"), err=True)


def _without_passwords(text: str) -> str:
    """An address may have been given where none belongs, and be quoted."""
    text = re.sub(r"(:/+[^\s:/@]*):[^\s]*@", r"\1:***@", text)
    return re.sub(r"(?i)([?&]\w*password=)[^\s&]*", r"\1***", text)
