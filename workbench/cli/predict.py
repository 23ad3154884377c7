"""`workbench predict`: a fitted model's answers, in the user's own ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.cli.output import (
    figure,
    open_database,
    print_json,
    print_table,
    printing,
    say,
    text_encoding,
    with_database,
)
from workbench.cli.streams import excuse
from workbench.cli.tables import write_table
from workbench.wording import counted


@click.command()
@click.argument("trial")
@click.option("--users", metavar="A,B|all", help="Whom to answer.")
@click.option("--history", metavar="A,B", help="Answer someone who has taken these items.")
@click.option(
    "--input",
    "input_file",
    type=click.Path(),
    metavar="FILE",
    help="Answer the rows of a file: users, users and the items they have taken, or examples, as the task has it.",
)
@text_encoding
@click.option("--allow", metavar="A,B|@FILE", help="Only these may be recommended.")
@click.option("--deny", metavar="A,B|@FILE", help="These may not be recommended.")
@click.option("--per-category", type=int, metavar="N", help="At most so many of one category.")
@click.option("--category-column", metavar="NAME", help="Which column of the item table holds the categories.")
@click.option("--item-table", type=click.Path(), metavar="FILE", help="Titles and categories; else those of the run.")
@click.option("--calibrated", is_flag=True, help="Probabilities as sure as the model was right on held-out data.")
@click.option("-k", "k", type=int, default=10, show_default=True, help="How many answers each.")
@click.option("--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write CSV, or Parquet by its ending.")
@printing
@with_database
def command(
    url: str,
    as_json: bool,
    trial: str,
    users: str | None,
    history: str | None,
    input_file: str | None,
    encoding: str | None,
    allow: str | None,
    deny: str | None,
    calibrated: bool,
    k: int,
    output: str | None,
    **narrowing: Any,
) -> None:
    """Answer a query with the model of TRIAL, an id as leaderboards print it."""
    from workbench.serving import load

    whom = {"users": _ids(users), "history": _ids(history), "input": input_file}
    if sum(value is not None for value in whom.values()) > 1:
        raise click.UsageError("give one of --users, --history and --input")
    narrowing.update(allow=_listed("allow", allow), deny=_listed("deny", deny))
    query = {"k": k, **whom, "encoding": encoding, **narrowing}
    served = load(open_database(url), trial)
    served = served.calibrated() if calibrated else served
    answer = served.answer(query)
    for notice in answer.notices:
        say(notice, err=True)
    if output is not None:
        columns = list(served.task.output) or answer.table.column_names
        write_table(answer.table.select(columns), Path(output), f"--output {output}")
        excuse()
        if as_json:
            print_json({"trial": served.trial, "rows": answer.table.num_rows, "output": output})
        else:
            say(f"{counted(answer.table.num_rows, 'row')} written to {output}", err=True)
        return
    rows = answer.table.to_pylist()
    if as_json:
        print_json({"trial": served.trial, "model": served.model_name, "predictions": rows})
        return
    shown = [{key: figure(value) if isinstance(value, float) else value for key, value in row.items()} for row in rows]
    figures = [name for name in answer.table.column_names if shown and not isinstance(rows[0][name], str)]
    print_table(shown, answer.table.column_names, right=figures, empty="no answers")


def _ids(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _listed(name: str, text: str | None) -> list[str] | None:
    """Ids as given, or a line each in `@FILE`."""
    from workbench.errors import DataError

    if text is None or not text.startswith("@"):
        return _ids(text)
    try:
        return list(filter(None, Path(text[1:]).read_text(encoding="utf-8-sig").splitlines()))
    except OSError as error:
        raise DataError(f"--{name} {text}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"--{name} {text}: not UTF-8 text; give a file with an id a line") from error
