"""`workbench db`: the database itself."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli.output import print_json, printing, say, with_database
from workbench.cli.streams import excuse
from workbench.wording import counted


@click.group()
def command() -> None:
    """Upgrade, check or clean the database."""


@command.command()
@printing
@with_database
def upgrade(url: str, as_json: bool) -> None:
    """Bring the schema to this version; a copy of an SQLite file is made first."""
    from workbench.store.database import Database
    from workbench.store.schema import SCHEMA_VERSION

    database = Database(url, check=False)
    before = database.version()
    backup = None
    if before is not None and before < SCHEMA_VERSION:
        backup = database.back_up()
    database.upgrade()
    excuse()
    if as_json:
        print_json({"database": database.name, "from": before, "to": SCHEMA_VERSION, "backup": backup})
    elif before == SCHEMA_VERSION:
        say(f"{database.name} has schema {SCHEMA_VERSION} already")
    else:
        say(f"{database.name}: schema {before} -> {SCHEMA_VERSION}" + (f"; the old file is {backup}" if backup else ""))


@command.command()
@printing
@with_database
def current(url: str, as_json: bool) -> None:
    """Say which schema the database has and which this version needs."""
    from workbench.store.database import Database
    from workbench.store.schema import SCHEMA_VERSION

    database = Database(url, check=False)
    version = database.version()
    if as_json:
        print_json({"database": database.name, "schema": version, "needed": SCHEMA_VERSION})
    else:
        has = "no Workbench schema" if version is None else f"schema {version}"
        say(f"{database.name} has {has}, this version needs {SCHEMA_VERSION}")


@command.command()
@printing
@with_database
@click.pass_context
def check(context: click.Context, /, url: str, as_json: bool) -> None:
    """Check the file, its references and every artifact's hash; exit code 2 if anything is wrong."""
    from workbench.store.check import problems
    from workbench.store.database import Database

    database = Database(url)
    found: list[Any] = problems(database)
    if as_json:
        print_json({"database": database.name, "ok": not found, "problems": found})
    elif not found:
        say(f"{database.name} is sound")
    for problem in found if not as_json else []:
        say(f"{database.name}: {problem}")
    context.exit(2 if found else 0)


@command.command()
@printing
@with_database
def gc(url: str, as_json: bool) -> None:
    """Remove what no run names any more and return the space; also folders that killed runs left behind."""
    from dataclasses import asdict

    from workbench.folders import sweep_folders
    from workbench.store.cleaning import sweep
    from workbench.store.database import Database

    database = Database(url)
    swept, folders = sweep(database), sweep_folders()
    excuse()
    if as_json:
        print_json({"database": database.name, **asdict(swept), "folders": folders})
        return
    freed = max(0, swept.bytes_before - swept.bytes_after)
    removed = f"{counted(swept.blobs, 'content')} and {counted(swept.boards, 'board')}"
    say(f"{database.name}: {removed} removed, {counted(freed, 'byte')} returned")
    say(f"{counted(folders, 'folder')} left by killed runs removed")
