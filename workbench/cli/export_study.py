"""`workbench export-study`: a run for Optuna's dashboard."""

from __future__ import annotations

import click

from workbench.cli.output import RUN, console, open_database, print_json, printing, with_database


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
    if as_json:
        print_json({"run": run, "studies": written})
        return
    for name, trials in written.items():
        click.echo(f"{name}: {trials} trial{'s' * (trials != 1)}")
    console(err=True).print(f"Look at it:  pip install optuna-dashboard && optuna-dashboard {shown}", markup=False)
