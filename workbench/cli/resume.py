"""`workbench resume`: go on with a run."""

from __future__ import annotations

import click

from workbench.cli.output import RUN, printing, with_database
from workbench.cli.searching import process_start, search


@click.command()
@click.argument("run", type=RUN, metavar="RUN")
@click.option("--time", metavar="TIME", help="A new budget from now; what is left of the run's own if not given.")
@click.option(
    "--trials", type=click.IntRange(1), metavar="N", help="At most so many trials, with those that are there."
)
@printing
@with_database
@click.pass_context
def command(context: click.Context, /, url: str, as_json: bool, run: int, time: str | None, trials: int | None) -> None:
    """Go on with a run that was interrupted or killed, or give a finished one more time.

    Data and settings are those of the run; all its trials count. What was being tried when it ended is tried once
    more, and the best of all are compared, fitted and scored anew.
    """
    started = process_start()
    from workbench.session import resume
    from workbench.settings import parse_seconds

    session = resume(url, run, time=None if time is None else parse_seconds(time), trials=trials)
    context.exit(search(session, url, as_json, started))
