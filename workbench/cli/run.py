"""`workbench run`: from a file to a leaderboard."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.output import console, leaderboard_table, print_json, printing, seconds, spent, with_database

if TYPE_CHECKING:
    from workbench.settings import RunSettings

_MAX_STARTUP = 60.0


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--task", metavar="NAME", help="What to do; workbench tasks lists them.")
@click.option("--data", metavar="PATH", help="The data; without it the task's sample.")
@click.option("--test-data", metavar="PATH", help="A fixed test part.")
@click.option(
    "--time",
    metavar="TIME",
    help="The budget for all of it, such as 90s, 10m, 1h30m; 60s if no --trials either.",
)
@click.option("--trials", type=int, metavar="N", help="At most so many trials.")
@click.option("--models", metavar="A,B", help="Try only these.")
@click.option("--without", metavar="A,B", help="Do not try these.")
@click.option("--set", "fixed", multiple=True, metavar="MODEL.FIELD=VALUE", help="Hold a hyperparameter at a value.")
@click.option("--metric", metavar="M", help="What to search for; the task's first if not given.")
@click.option("--split", metavar="STRATEGY", help="How to split; what suits the data if not given.")
@click.option("--folds", type=int, metavar="N", help="Score each trial by cross-validation on N folds.")
@click.option("--seed", type=int, metavar="N", help="Of everything random.  [default: 0]")
@click.option("--workers", type=int, metavar="N", help="Processes that run trials.  [default: cores / threads]")
@click.option("--threads", type=int, metavar="N", help="For each worker.  [default: cores / workers]")
@click.option(
    "--device", metavar="auto|cpu|cuda[:N]", help="Where models run; workers take GPUs in turn.  [default: auto]"
)
@click.option("--memory", metavar="SIZE", help="The most memory of a worker, such as 4GiB.")
@click.option("--keep", type=int, metavar="N", help="How many fitted models to keep.  [default: 3]")
@click.option("--name", metavar="TEXT", help="Your own words for the run.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Settings from TOML; flags go first.",
)
@click.option("--no-plugin", metavar="A,B", help="Do not import these plugins.")
@click.option("--encoding", metavar="E", help="The encoding of text files.  [default: utf-8]")
@click.option(
    "--on-bad-rows",
    metavar="error|skip|skip-any",
    help="What to do with bad rows; skip stops beyond 5 %.  [default: error]",
)
@printing
@with_database
@click.pass_context
def command(context: click.Context, /, url: str, as_json: bool, config: str | None, **flags: Any) -> None:
    """Search for the best model of a task and rank what was found.

    A task has options of its own, such as --user-column; workbench tasks NAME lists them.
    """
    started = _process_start()
    from workbench.cli.screen import LiveScreen, PlainScreen
    from workbench.main import execute
    from workbench.recording import Silent

    settings = _settings(flags, config, _task_options(context))
    if as_json:
        result = execute(settings, url, Silent(), started)
        print_json(result.summary)
    else:
        screen_console = console(err=True)
        live = screen_console.is_terminal and not screen_console.is_dumb_terminal
        kind = LiveScreen if live else PlainScreen
        with kind(screen_console, settings, started) as screen:
            result = execute(settings, url, screen, started)
        _show(result.summary, url)
    context.exit(result.exit_code)


def _settings(flags: dict[str, Any], config: str | None, options: dict[str, str]) -> RunSettings:
    from workbench.errors import SettingsError
    from workbench.settings import RunSettings

    given: dict[str, Any] = {}
    if config is not None:
        import tomllib

        try:
            given = tomllib.loads(Path(config).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{config}: {error}") from error
        for key in ("data", "test_data"):  # a path in a file is meant from where the file is
            if key in given:
                if not isinstance(given[key], str):
                    raise SettingsError(f"{config}: {key} must be a path, in quotes")
                given[key] = str(Path(config).parent / given[key])
        if not isinstance(given.get("options", {}), dict):
            raise SettingsError(f"{config}: options must be a table: [options]")
    flags["fixed"] = list(flags["fixed"]) or None
    given.update({name: value for name, value in flags.items() if value is not None})
    given["options"] = {**given.get("options", {}), **options}
    return RunSettings.from_mapping(given)


def _task_options(context: click.Context) -> dict[str, str]:
    """What the run's own flags do not cover: `--user-column uid` and `--user-column=uid`."""
    rest = list(context.args)
    own = [name for parameter in context.command.params for name in parameter.opts]
    options = {}
    while rest:
        flag = rest.pop(0)
        if not flag.startswith("--"):
            raise click.UsageError(
                f"unexpected argument {flag!r}; options are written --name value, data as --data {flag}"
            )
        name, equals, value = flag.partition("=")
        near = get_close_matches(name, own, n=1, cutoff=0.8)
        if near:
            raise click.UsageError(f"no option {name!r}; did you mean {near[0]!r}?")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise click.UsageError(f"{name} needs a value")
            value = rest.pop(0)
        options[name.removeprefix("--").replace("-", "_")] = value
    return options


def _show(summary: dict[str, Any], url: str) -> None:
    from rich.text import Text

    out = console()

    def say(text: str, style: str = "") -> None:
        out.print(Text(text, style=style), soft_wrap=True)

    rows, baseline = summary["leaderboard"], summary["baseline"]
    say(f"Leaderboard   {summary['task']} · {summary['dataset']} · {summary['metric']}", "bold")
    leaderboard_table(rows, baseline=(baseline or {}).get("model"), target=out)
    say("")
    for warning in _warnings(summary):
        say(warning, "bold red")
    if summary["state"] == "interrupted":
        say("Interrupted: this is what was found so far, and stored.", "bold")
    budget = f" of {seconds(summary['budget_seconds'])}" if summary["budget_seconds"] else ""
    trials = sum(summary["trials"].values())
    took = f"{seconds(summary['seconds'])}{budget}: {spent(summary['spent'])}"
    say(f"Stored in {summary['database']} as run {summary['run']} · {trials} trials · {took}")
    usable = next((row["trial"] for row in rows if row["trial"] in summary["kept"]), None)
    if usable is not None:
        elsewhere = _database_flag(url, summary["database"])
        say(f"Use it:  workbench predict {usable} --users all -k 10 --output lists.csv{elsewhere}")


def _database_flag(url: str, name: str) -> str:
    """` --db URL` where the next command needs it; `name` is the address of a server without its password."""
    from workbench.store.database import DEFAULT_URL

    if url in (DEFAULT_URL, os.environ.get("WORKBENCH_DB")):
        return ""
    return f" --db {shlex.quote(url if url.startswith('sqlite') else name)}"


def _warnings(summary: dict[str, Any]) -> Iterator[str]:
    """What a user must not overlook."""
    rows, baseline = summary["leaderboard"], (summary["baseline"] or {}).get("model")
    others = [row for row in rows if row["model"] != baseline]
    if others and rows[0]["model"] == baseline:
        yield f"No model beats the baseline {baseline}. Do not use one on the strength of this run."
    elif any(row["model"] == baseline and row["tie"] for row in rows):
        yield f"No model clearly beats the baseline {baseline}: the difference may be noise."
    failed = {
        state: count for state, count in summary["trials"].items() if state not in ("complete", "pruned", "cancelled")
    }
    if failed:
        counts = " · ".join(f"{count} {state}" for state, count in failed.items())
        yield f"{counts}: workbench show {summary['run']} says why"
    if summary["budget_seconds"] and summary["seconds"] > summary["budget_seconds"]:
        over = summary["seconds"] - summary["budget_seconds"]
        yield f"{over:.1f} s over the budget, since one model is always finished."


def _process_start() -> float:
    """`time.monotonic()` at which this process started, since the budget counts from there."""
    import psutil

    since = time.time() - psutil.Process().create_time()
    return time.monotonic() - (since if 0 <= since <= _MAX_STARTUP else 0.0)
