"""`workbench leaderboard`: the trials that may be compared, ranked."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli.output import (
    RUN,
    leaderboard_table,
    open_database,
    print_json,
    printing,
    say,
    say_styled,
    with_database,
)
from workbench.wording import counted


@click.command()
@click.option("--task", metavar="T", help="Only of this task.")
@click.option("--data", metavar="D", help="Only of this dataset: its name, or how its fingerprint starts.")
@click.option("--run", type=RUN, metavar="R", help="Only this run's trials.")
@click.option("--metric", metavar="M", help="Only of this metric.")
@click.option(
    "--pareto",
    metavar="A,B",
    help="Only trials that none beats in all these columns, such as valid,fit_seconds.",
)
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@printing
@with_database
def command(
    url: str,
    as_json: bool,
    task: str | None,
    data: str | None,
    run: int | None,
    metric: str | None,
    pareto: str | None,
    top: int,
) -> None:
    """Rank the trials of one board: equal task, data, split and metric.

    Without options it is the board of the last run. Trials scored on more draws of valid come first.
    """
    from workbench.errors import UserError
    from workbench.store import queries

    database = open_database(url)
    if run is not None:
        queries.run(database, run)
    boards = queries.boards(database, task, data, run, metric)
    if not boards:
        asked = {"--task": task, "--data": data, "--metric": metric, "--run": run}
        given = " ".join(f"{flag} {value}" for flag, value in asked.items() if value is not None)
        if given:
            raise UserError(f"no run in {database.name} fits {given}; workbench runs lists them")
        raise UserError(f"no run in {database.name} has a scored trial; workbench runs lists them")
    board = boards[0]
    rows = queries.leaderboard(database, board["id"], run, top=None if pareto else top)
    if pareto:
        rows = undominated(rows, [name.strip() for name in pareto.split(",")], board["direction"])[:top]
    if as_json:
        print_json({"board": board, "leaderboard": rows})
        return
    title = f"Leaderboard   {board['task']} · {board['dataset']} · {board['split']} · {board['metric']}"
    say_styled(title)
    leaderboard_table(rows)
    others = len(boards) - 1
    if others and run is None:
        listed = counted(others, "other board")
        say(f"{listed} in {database.name}; choose one with --task, --data, --metric or --run")


def undominated(rows: list[dict[str, Any]], names: list[str], direction: str) -> list[dict[str, Any]]:
    """The rows that no other row beats in all the named columns; rows without a value are left out.

    Raises:
        SettingsError: a name that is no column of figures.
    """
    from workbench.errors import SettingsError

    better_when_larger = {"valid": direction == "maximize", "test": direction == "maximize"}
    allowed = ("valid", "test", "fit_seconds", "score_seconds", "peak_memory_bytes")
    for name in names:
        if name not in allowed:
            raise SettingsError(f"--pareto {name}: choose from {', '.join(allowed)}")
    scored = [
        (row, tuple(row[name] if better_when_larger.get(name, False) else -row[name] for name in names))
        for row in rows
        if all(row[name] is not None for name in names)
    ]
    front: list[dict[str, Any]] = []
    best: list[tuple[Any, ...]] = []
    for row, values in sorted(scored, key=lambda pair: pair[1], reverse=True):
        # Sorted so, a row can only be beaten by one already on the front.
        if not any(all(a >= b for a, b in zip(other, values, strict=True)) for other in best):
            best.append(values)
            front.append(row)
    return front
