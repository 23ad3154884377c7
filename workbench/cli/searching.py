"""What `run` and `resume` share: a session on the screen, and what it ended with."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.output import console, elsewhere, leaderboard_table, print_json, say, say_styled, seconds, spent
from workbench.cli.streams import excuse
from workbench.wording import counted

if TYPE_CHECKING:
    from workbench.session import Session

_MAX_STARTUP = 60.0

MOST_NAMED = 5
"""Models that share a reason and are named."""


def search(session: Session, url: str, as_json: bool, started: float) -> int:
    """Show a session as it goes, and its result; returns the exit code."""
    from workbench.errors import RunStopped

    try:
        return _search(session, url, as_json, started)
    except RunStopped as error:
        remedy = f"workbench resume {error.run}{elsewhere(url, error.database)}"
        raise click.ClickException(f"{error}; go on with it: {remedy}") from error


def _search(session: Session, url: str, as_json: bool, started: float) -> int:
    from workbench.cli.screen import LiveScreen, PlainScreen
    from workbench.main import execute
    from workbench.recording import Silent

    class Notices(Silent):
        def notice(self, text: str) -> None:
            say(text, err=True)

    if as_json:
        result = execute(session, url, Notices(), started)
        excuse()
        print_json(result.summary)
    else:
        screen_console = console(err=True)
        live = screen_console.is_terminal and not screen_console.is_dumb_terminal
        kind = LiveScreen if live else PlainScreen
        with kind(screen_console, session.settings, started) as screen:
            result = execute(session, url, screen, started)
        excuse()
        _show(result.summary, url, result.usage)
    return result.exit_code


def process_start() -> float:
    """`time.monotonic()` at which this process started, since the budget counts from there."""
    import psutil

    since = time.time() - psutil.Process().create_time()
    return time.monotonic() - (since if 0 <= since <= _MAX_STARTUP else 0.0)


def _show(summary: dict[str, Any], url: str, usage: str) -> None:
    rows, baseline, database = summary["leaderboard"], summary["baseline"], elsewhere(url, summary["database"])
    say_styled(f"Leaderboard   {summary['task']} · {summary['dataset']} · {summary['metric']}")
    leaderboard_table(rows, baseline=(baseline or {}).get("model"))
    say()
    for warning in _warnings(summary):
        say_styled(warning, "bold red")
    if summary["state"] == "interrupted":
        say_styled("Interrupted: this is what was found so far, and stored.")
        say(f"Go on:   workbench resume {summary['run']}{database}")
    budget = f" of {seconds(summary['budget_seconds'])}" if summary["budget_seconds"] else ""
    trials = counted(sum(summary["trials"].values()), "trial")
    took = f"{seconds(summary['seconds'])}{budget}: {spent(summary['spent'])}"
    say(f"Stored in {summary['database']} as run {summary['run']} · {trials} · {took}")
    usable = next((row["trial"] for row in rows if row["trial"] in summary["kept"]), None)
    if usable is not None:
        say(f"Use it:  workbench predict {usable} {usage}{database}")


def _grouped(reasons: Mapping[str, str]) -> str:
    """Models with the reason that they share; of many models the first."""
    models: dict[str, list[str]] = {}
    for model, reason in reasons.items():
        models.setdefault(reason, []).append(model)
    return "; ".join(
        f"{', '.join(names[:MOST_NAMED])}{' and others' if len(names) > MOST_NAMED else ''}: {reason}"
        for reason, names in models.items()
    )


def _warnings(summary: dict[str, Any]) -> Iterator[str]:
    """What a user must not overlook."""
    rows, baseline = summary["leaderboard"], (summary["baseline"] or {}).get("model")
    others = [row for row in rows if row["model"] != baseline]
    if rows and not others and summary["untried"]:
        yield f"No model but the baseline {baseline} was tried: {_grouped(summary['untried'])}."
    if others and rows[0]["model"] == baseline:
        yield f"No model beats the baseline {baseline}. Do not use one on the strength of this run."
    elif any(row["model"] == baseline and row["tie"] for row in rows):
        yield f"No model clearly beats the baseline {baseline}: the difference may be noise."
    failed = {
        state: count for state, count in summary["trials"].items() if state not in ("complete", "pruned", "cancelled")
    }
    if failed:
        counts = " · ".join(f"{count} {state}" for state, count in failed.items())
        yield f"{counts}: workbench show {summary['run']} says why"
    if summary["budget_seconds"] and summary["seconds"] > summary["budget_seconds"]:
        over = summary["seconds"] - summary["budget_seconds"]
        yield f"{over:.1f} s over the budget, since one model is always finished."
