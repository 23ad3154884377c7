"""`workbench evaluate`: a fitted model on new data."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.output import (
    figure,
    group_tables,
    mistakes_table,
    open_database,
    print_json,
    print_table,
    printing,
    say,
    text_encoding,
    with_database,
)


@click.command()
@click.argument("trial")
@click.option(
    "--data", type=click.Path(), required=True, metavar="FILE", help="New data, with the columns of the run's."
)
@text_encoding
@printing
@with_database
def command(url: str, as_json: bool, trial: str, data: str, encoding: str | None) -> None:
    """Score the model of TRIAL on data that neither it nor the run has seen."""
    from workbench.execution.scoring import intervals
    from workbench.serving import load

    served = load(open_database(url), trial)
    evaluation, notices = served.evaluate(Path(data), encoding=encoding)
    known = intervals([evaluation], served.task)
    groups, mistakes = list(map(vars, evaluation.groups)), list(map(vars, evaluation.mistakes))
    if as_json:
        metrics = {
            name: {"value": value, **dict(zip(("low", "high"), known.get(name, (None, None)), strict=True))}
            for name, value in evaluation.metrics.items()
        }
        print_json(
            {
                "trial": served.trial,
                "model": served.model_name,
                "metrics": metrics,
                "groups": groups,
                "mistakes": mistakes,
                "notices": notices,
            }
        )
        return
    for notice in notices:
        say(notice, err=True)
    rows = [
        {
            "metric": name,
            "value": figure(value),
            "95 %": "{:.4f} to {:.4f}".format(*known[name]) if name in known else "",
        }
        for name, value in evaluation.metrics.items()
    ]
    print_table(rows, ("metric", "value", "95 %"), right=("value",))
    group_tables(groups)
    mistakes_table(mistakes)
