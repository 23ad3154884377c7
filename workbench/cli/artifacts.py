"""`workbench artifacts`: the files that a run left in the database."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.files import filling
from workbench.cli.output import RUN, open_database, print_json, print_table, printing, say, with_database
from workbench.cli.streams import excuse
from workbench.wording import counted


@click.group()
def command() -> None:
    """List, fetch or verify what is stored of a run."""


@command.command("list")
@click.option("--run", type=RUN, metavar="R", help="Only this run's.")
@printing
@with_database
def list_(url: str, as_json: bool, run: int | None) -> None:
    """List the files of fitted models and encodings."""
    from workbench.store import artifacts

    rows = artifacts.listing(open_database(url), run)
    if as_json:
        print_json({"artifacts": rows})
        return
    shown = [{**row, "trial": row["trial"] or "-", "sha256": row["sha256"][:12]} for row in rows]
    columns = ("run", "trial", "model", "kind", "path", "bytes", "sha256")
    print_table(shown, columns, right=("run", "bytes"), empty="nothing is kept")


@command.command()
@click.argument("trial")
@click.argument("folder", type=click.Path())
@printing
@with_database
def get(url: str, as_json: bool, trial: str, folder: str) -> None:
    """Write the fitted model of TRIAL, and the encoding of its run, below FOLDER."""
    from workbench.store import artifacts, queries

    database = open_database(url)
    row = queries.find_trial(database, trial)
    target = Path(folder)
    with filling(target, folder) as draft:
        artifacts.get(database, row["run_id"], row["id"], "model", draft / "model")
        artifacts.get(database, row["run_id"], None, "encoding", draft / "encoding")
    excuse()
    files = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    if as_json:
        print_json({"trial": row["trial"], "folder": folder, "files": files})
    else:
        say(f"{counted(len(files), 'file')} written below {folder}")


@command.command()
@printing
@with_database
@click.pass_context
def verify(context: click.Context, /, url: str, as_json: bool) -> None:
    """Check every file against its hash; exit code 2 if any is damaged."""
    from workbench.store.check import damaged_artifacts

    database = open_database(url)
    found = damaged_artifacts(database)
    if as_json:
        print_json({"database": database.name, "ok": not found, "problems": found})
    elif not found:
        say(f"every artifact in {database.name} is as it was stored")
    for problem in found if not as_json else []:
        say(problem)
    context.exit(2 if found else 0)
