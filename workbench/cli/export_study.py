"""`workbench export-study`: a run for Optuna's dashboard."""

from __future__ import annotations

import shlex

import click

from workbench.cli.output import RUN, open_database, print_json, printing, say, with_database
from workbench.cli.streams import excuse
from workbench.wording import counted


@click.command()
@click.argument("run", type=RUN)
@click.argument("storage", metavar="URL")
@printing
@with_database
def command(url: str, as_json: bool, run: int, storage: str) -> None:
    """Write RUN into an Optuna storage at URL, such as sqlite:///optuna.db, a study for each model."""
    from workbench.exporting import export_study
    from workbench.store.foreign import foreign

    with foreign(storage) as shown:
        written = export_study(open_database(url), run, storage)
    excuse()
    if as_json:
        print_json({"run": run, "studies": written})
        return
    for name, trials in written.items():
        say(f"{name}: {counted(trials, 'trial')}")
    say(f"Look at it:  pip install optuna-dashboard && optuna-dashboard {shlex.quote(shown)}", err=True)
