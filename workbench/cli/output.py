"""How commands print: tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from workbench.contract.task import ENSEMBLE
from workbench.printable import json_text, one_line, printable

if TYPE_CHECKING:
    from rich.console import Console

    from workbench.store.database import Database

WIDE = 200
"""Columns where there is no terminal to say."""

NOTE_SHOWN = 60
"""Characters of a note on a leaderboard; `workbench show` has all of it."""

RUN = click.IntRange(1, 2**31 - 1)
"""The number of a run."""

CURVE_SHOWN = 40
"""Bars of a curve, at most."""

_BARS = "▁▂▃▄▅▆▇█"

text_encoding = click.option("--encoding", metavar="E", help="The encoding of text files; else that of the run's data.")
"""Option of commands that read new files for a stored model."""

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
_debug = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
_db = click.option("--db", metavar="URL", help="The database; WORKBENCH_DB, else sqlite:///workbench.db.")


def printing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that prints: `--json` and `--debug`."""
    return _json(_debug(command))


def with_database(command: Callable[..., Any]) -> Callable[..., Any]:
    """Option `--db`; the command receives `url`: from the option, the group's, the environment, or the default."""

    @_db
    @click.pass_context
    @wraps(command)
    def wrapped(context: click.Context, /, *args: Any, db: str | None, **kwargs: Any) -> Any:
        from workbench.store.database import DEFAULT_URL

        url = db or (context.obj or {}).get("db") or os.environ.get("WORKBENCH_DB") or DEFAULT_URL
        return command(*args, url=url, **kwargs)

    return wrapped


def open_database(url: str) -> Database:
    """An existing database of this version's schema."""
    from workbench.store.database import Database

    return Database(url)


def elsewhere(url: str, name: str) -> str:
    """` --db URL` where the next command needs it to find this database.

    Args:
        url: as it was given.
        name: of the database: the address of a server without its password.
    """
    from workbench.store.database import DEFAULT_URL

    if url in (DEFAULT_URL, os.environ.get("WORKBENCH_DB")):
        return ""
    return f" --db {shlex.quote(url if url.startswith('sqlite') else name)}"


def print_json(document: Any) -> None:
    """One JSON document on standard output; in ASCII alone where no more can be written."""
    ascii_alone = not (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    text = json.dumps(document, indent=2, ensure_ascii=ascii_alone, default=str, allow_nan=False)
    print(json_text(text), flush=True)


def say(text: str = "", *, err: bool = False) -> None:
    """One line on standard output, or on standard error; what a file, a row or a plugin has put into it is inert."""
    print(one_line(text), file=sys.stderr if err else sys.stdout, flush=True)


def say_lines(text: str) -> None:
    """Lines as they are, such as those of a traceback, and inert as well."""
    print(printable(text), flush=True)


def say_styled(text: str, style: str = "bold") -> None:
    """A line in bold, or in another style, where the terminal has that."""
    from rich.text import Text

    console().print(Text(one_line(text), style=style), soft_wrap=True)


def console(*, err: bool = False) -> Console:
    """A rich console that keeps its lines whole where there is no terminal, and takes no text for a command."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def table_lines(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], width: int, right: Iterable[str] = ()
) -> list[str]:
    """A header and a line for each row, without boxes; no cell can be more than its own piece of the line.

    Args:
        rows: column -> text.
        columns: in order; the last one is cut where the lines would be wider than `width`.
        width: of the terminal.
        right: columns of figures, aligned to the right.
    """
    from rich.cells import cell_len, set_cell_size

    cells = [[one_line(column.replace("_", " ")) for column in columns]]
    cells += [[one_line(str(row.get(column, ""))) for column in columns] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    to_the_right = [column in set(right) for column in columns]
    lines = []
    for line in cells:
        padded = [
            " " * (size - cell_len(text)) + text if aligned else text + " " * (size - cell_len(text))
            for text, size, aligned in zip(line, widths, to_the_right, strict=True)
        ]
        whole = ("  ".join(padded)).rstrip()
        lines.append(whole if cell_len(whole) <= width else set_cell_size(whole, width - 1) + "…")
    return lines


def spent(stages: Mapping[str, float] | None) -> str:
    """`read 1.6 s, search 18.0 s`: rounded so that they add up to what `seconds` makes of their sum."""
    if not stages:
        return ""
    total = sum(stages.values())
    units = 10 if total < 60 else 1
    counts = {stage: int(units * value) for stage, value in stages.items()}
    lacking = (round(10 * total) if total < 60 else int(total)) - sum(counts.values())
    for stage in sorted(stages, key=lambda stage: counts[stage] - units * stages[stage])[:lacking]:
        counts[stage] += 1
    return ", ".join(f"{stage} {seconds(count / units)}" for stage, count in counts.items())


def curve(reports: Sequence[tuple[int, float]]) -> str:
    """Steps and values as a line of bars between the first and the last; empty without any."""
    if not reports:
        return ""
    shown = [reports[at * len(reports) // CURVE_SHOWN] for at in range(CURVE_SHOWN)]
    values = [value for _, value in (shown if len(reports) > CURVE_SHOWN else reports)]
    low, high = min(values), max(values)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    bars = "".join(_BARS[round((value - low) * scale)] for value in values)
    (first, start), (last, end) = reports[0], reports[-1]
    return f"{figure(start)} at step {first} {bars} {figure(end)} at step {last}"


def print_table(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    right: Iterable[str] = (),
    empty: str = "nothing yet",
) -> None:
    """Print `table_lines`, or `empty` where there is no row."""
    from rich.text import Text

    rows = list(rows)
    if not rows:
        say(empty)
        return
    out = console()
    header, *lines = table_lines(rows, columns, out.width, right)
    out.print(Text(header, style="bold"), soft_wrap=True)
    for line in lines:
        out.print(Text(line), soft_wrap=True)


def group_tables(groups: Sequence[Mapping[str, Any]], part: str = "") -> None:
    """A small table for each thing that a result is broken down by.

    Args:
        groups: each with `by`, `name`, `metric`, `value` and `count`; those of one table stand together.
        part: what was scored, for the heading.
    """
    for by, rows in groupby(groups, lambda group: group["by"]):
        listed = list(rows)
        heading, metric = f"{part} by {by}".strip(), listed[0]["metric"]
        shown = [{heading: row["name"], metric: figure(row["value"]), "count": f"{row['count']:,}"} for row in listed]
        say()
        print_table(shown, (heading, metric, "count"), right=(metric, "count"))


def mistakes_table(mistakes: Sequence[Mapping[str, Any]], part: str = "") -> None:
    """The examples that a model got wrong and was surest of.

    Args:
        mistakes: each with `example`, `right_class`, `predicted_class` and `probability`.
        part: what was scored, for the heading.
    """
    if not mistakes:
        return
    heading = f"worst mistakes {f'on {part}' if part else ''}".strip()
    shown = [{**row, "probability": figure(row["probability"]), heading: row["example"]} for row in mistakes]
    say()
    print_table(shown, ("right_class", "predicted_class", "probability", heading), right=("probability",))


def figure(value: float | None, digits: int = 4) -> str:
    """A metric for a table."""
    if value is None:
        return "-"
    shown = f"{value:.{digits}f}"
    return shown.removeprefix("-") if float(shown) == 0 else shown


def seconds(value: float | None) -> str:
    """A duration for a table."""
    if value is None:
        return "-"
    return f"{value:.1f} s" if value < 60 else f"{int(value) // 60}:{int(value) % 60:02d}"


def params(values: Mapping[str, Any], model: str = "") -> str:
    """Hyperparameters on one line; of an ensemble its members' trials."""
    if model == ENSEMBLE:
        return " ".join(f"{trial[:8]} x{weight}" for trial, weight in values.items())
    return (
        " ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
        )
        or "-"
    )


def leaderboard_table(rows: Sequence[Mapping[str, Any]], *, baseline: str | None = None) -> None:
    """The rows of a leaderboard; with their plugins, where two call a model the same."""
    shown = []
    for row in rows:
        notes = [row["note"]] if row.get("note") else []
        if row["model"] == baseline:
            notes.insert(0, "baseline")
        note = ", ".join(notes)
        interval = "" if row["valid_low"] is None else f"{row['valid_low']:.3f} to {row['valid_high']:.3f}"
        shown.append(
            {
                "rank": f"{row['rank']}{' =' if row['tie'] else '  '}",
                "model": row["model"],
                "plugin": row["plugin"],
                "trial": row["trial"],
                "valid": figure(row["valid"]),
                "95 %": interval,
                "draws": str(row["draws"]),
                "test": figure(row["test"]),
                "fit": seconds(row["fit_seconds"]),
                "score": seconds(row["score_seconds"]),
                "params": params(row["params"], row["model"]),
                "note": note if len(note) <= NOTE_SHOWN else f"{note[: NOTE_SHOWN - 1]}…",
            }
        )
    columns = ["rank", "model", "trial", "valid", "95 %", "draws", "test", "fit", "score", "params"]
    if any(row["note"] for row in shown):
        columns.insert(-1, "note")
    if len({(row["model"], row["plugin"]) for row in rows}) > len({row["model"] for row in rows}):
        columns.insert(2, "plugin")
    print_table(shown, columns, right=("rank", "valid", "draws", "test", "fit", "score"))
    if any(row["tie"] for row in rows):
        say("= may be as good as the leader: the difference is no more than noise")
