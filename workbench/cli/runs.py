"""`workbench runs`: what is in the database."""

from __future__ import annotations

import click

from workbench.cli.output import (
    RUN,
    elsewhere,
    figure,
    open_database,
    print_json,
    print_table,
    printing,
    say,
    seconds,
    with_database,
)
from workbench.cli.streams import excuse
from workbench.wording import counted


@click.command()
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--delete", type=RUN, metavar="RUN", help="Delete a run with its trials and models.")
@printing
@with_database
def command(url: str, as_json: bool, top: int, delete: int | None) -> None:
    """List the runs in the database, the newest first."""
    from workbench.store import queries
    from workbench.store.cleaning import delete_run

    database = open_database(url)
    if delete is not None:
        trials = delete_run(database, delete)
        excuse()
        if as_json:
            print_json({"deleted": delete, "trials": trials})
        else:
            say(f"run {delete} is deleted with {counted(trials, 'trial')}; workbench db gc returns the space")
        return
    rows = queries.runs(database, limit=top)
    if as_json:
        print_json({"runs": rows})
        return
    shown = [
        {
            **row,
            "name": row["name"] or "-",
            "best_model": row["best_model"] or "-",
            "best_trial": row["best_trial"] or "-",
            "valid": figure(row["best_valid"]),
            "test": figure(row["best_test"]),
            "time": seconds(row["seconds"]),
            "started": row["started_at"],
        }
        for row in rows
    ]
    columns = (
        "run",
        "name",
        "task",
        "dataset",
        "metric",
        "state",
        "trials",
        "best_model",
        "best_trial",
        "valid",
        "test",
        "time",
        "started",
    )
    print_table(shown, columns, right=("run", "trials", "valid", "test", "time"), empty="no runs yet")
    for row in rows:
        if row["state"] == "lost":
            remedy = f"workbench resume {row['run']}{elsewhere(url, database.name)}"
            say(f"run {row['run']} has lost its process; go on with it: {remedy}")
