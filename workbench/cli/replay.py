"""`workbench replay`: whether a trial gives again what it gave."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.output import open_database, print_json, print_table, printing, say, with_database


@click.command()
@click.argument("trial")
@click.option("--data", type=click.Path(), metavar="FILE", help="Where the run's data is now.")
@click.option("--test-data", type=click.Path(), metavar="FILE", help="The same for its test part.")
@printing
@with_database
@click.pass_context
def command(
    context: click.Context, /, url: str, as_json: bool, trial: str, data: str | None, test_data: str | None
) -> None:
    """Fit and score the model of TRIAL again as the search did, and compare metric by metric.

    Ends with exit code 1 where anything is different.
    """
    from workbench.replaying import replay

    paths = [None if path is None else Path(path) for path in (data, test_data)]
    found = replay(open_database(url), trial, *paths)
    if as_json:
        print_json(
            {
                "trial": found.trial,
                "model": found.model,
                "state": found.state,
                "reason": found.reason,
                "equal": found.equal,
                "metrics": [
                    {"metric": name, "stored": then, "now": now, "equal": then == now}
                    for name, (then, now) in found.metrics.items()
                ],
                "changed": {name: {"then": then, "now": now} for name, (then, now) in found.changed.items()},
            }
        )
    else:
        shown = [
            {
                "metric": name,
                "stored": _figure(then),
                "now": _figure(now),
                "": "equal" if then == now else "different",
            }
            for name, (then, now) in found.metrics.items()
        ]
        print_table(shown, ("metric", "stored", "now", ""), right=("stored", "now"))
        verdict = "equal" if found.equal else "different"
        if found.state != "complete":
            verdict = f"{found.state}: {found.reason}"
        say(f"trial {found.trial} ({found.model}) done again: {verdict}")
        for name, (then, now) in found.changed.items():
            say(f"{name} was {then or 'not there'}, is {now or 'not there'}", err=True)
    context.exit(0 if found.equal else 1)


def _figure(value: float | None) -> str:
    """With all digits that tell two numbers apart."""
    return "-" if value is None else repr(float(value))
