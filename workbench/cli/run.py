"""`workbench run`: from a file to a leaderboard."""

from __future__ import annotations

import shlex
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.output import printing, with_database
from workbench.cli.searching import process_start, search

if TYPE_CHECKING:
    from workbench.settings import RunSettings


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
@click.option("--keep", type=int, metavar="N", help="How many models to keep, ensembles with members.  [default: 3]")
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
    started = process_start()
    from workbench.session import Session

    session = Session(_settings(flags, config, _task_options(context)))
    context.exit(search(session, url, as_json, started))


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
    return RunSettings.from_mapping(given, f"the table [options] of {config}")


def _task_options(context: click.Context) -> dict[str, str]:
    """What the run's own flags do not cover: `--user-column uid` and `--user-column=uid`."""
    rest = list(context.args)
    own = [name for parameter in context.command.params for name in parameter.opts]
    options = {}
    while rest:
        flag = rest.pop(0)
        if not flag.startswith("--"):
            raise click.UsageError(
                f"unexpected argument {flag!r}; options are written --name value, data as --data {shlex.quote(flag)}"
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
