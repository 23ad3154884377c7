"""`workbench report`: a leaderboard as a Markdown file, for a pull request, a wiki or a mail."""

import json
from pathlib import Path
from typing import Any

import click

import workbench


@click.command()
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--task", metavar="T", help="Only of this task.")
@click.option("--run", type=click.IntRange(1), metavar="R", help="Only this run's trials.")
@click.option("--metric", metavar="M", help="Only of this metric.")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="At most so many.")
@click.option("--db", metavar="URL", help="The database; WORKBENCH_DB, else sqlite:///workbench.db.")
@click.pass_obj
def command(common: dict[str, Any], output: Path, db: str | None, **chosen: Any) -> None:
    """Write a leaderboard to the Markdown file OUTPUT."""
    rows = workbench.leaderboard(db=db or common["db"], **chosen).to_pylist()
    if not rows:
        raise click.ClickException("no trial has a score yet; workbench run makes some")
    output.write_text(report(rows), encoding="utf-8")
    click.echo(f"{len(rows)} trials written to {output}")


def report(rows: list[dict[str, Any]]) -> str:
    """The rows of `workbench.leaderboard` as Markdown."""
    best, metric = rows[0], rows[0]["metric"]
    runs = ", ".join(str(run) for run in sorted({row["run"] for row in rows}))
    tested = "" if best["test"] is None else f", {best['test']:.4f} on test"
    lines = [
        f"# Leaderboard: {metric}",
        "",
        f"The best of the {len(rows)} trials below is **{best['model']}** (trial `{best['trial']}`): "
        f"{best['valid']:.4f} on valid{tested}. Runs: {runs}.",
        "",
        "| rank | model | trial | valid | 95 % | test | fit | hyperparameters |",
        "|---:|---|---|---:|---|---:|---:|---|",
        *map(_line, rows),
    ]
    if any(row["tie"] for row in rows):
        lines += ["", "`=`: may be as good as the leader; the difference is no more than noise."]
    return "\n".join([*lines, ""])


def _line(row: dict[str, Any]) -> str:
    between = "" if row["valid_low"] is None else f"{row['valid_low']:.3f} to {row['valid_high']:.3f}"
    params = ", ".join(f"{name} = {value}" for name, value in json.loads(row["params"]).items())
    cells = [
        f"{row['rank']}{' =' if row['tie'] else ''}",
        row["model"],
        f"`{row['trial']}`",
        f"{row['valid']:.4f}",
        between,
        "" if row["test"] is None else f"{row['test']:.4f}",
        f"{row['fit_seconds']:.1f} s",
        params,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
