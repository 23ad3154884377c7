"""`workbench show`: all that is known of a run or a trial."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli.output import (
    console,
    curve,
    elsewhere,
    figure,
    group_tables,
    mistakes_table,
    open_database,
    params,
    print_json,
    print_table,
    printing,
    say,
    say_lines,
    seconds,
    spent,
    with_database,
)
from workbench.printable import one_line


@click.command()
@click.argument("what", metavar="RUN_OR_TRIAL")
@printing
@with_database
def command(url: str, as_json: bool, what: str) -> None:
    """Show a run by its number, or a trial by its id as leaderboards print it."""
    from workbench.errors import UnknownName
    from workbench.store import queries

    database = open_database(url)
    run = None
    if what.isdecimal() and len(what) < queries.MIN_PREFIX:
        run = queries.run(database, int(what))
    else:
        try:
            trial = queries.trial(database, what)
        except UnknownName:
            if not what.isdecimal() or len(what) > 9:
                raise
            run = queries.run(database, int(what))
    if run is not None:
        trials = queries.trials(database, run["run"])
        print_json({**run, "all_trials": trials}) if as_json else _show_run(run, trials, elsewhere(url, database.name))
    else:
        print_json(trial) if as_json else _show_trial(trial)


def _facts(pairs: dict[str, Any]) -> None:
    from rich.text import Text

    out = console()
    for label, value in pairs.items():
        if value not in (None, "", [], {}):
            out.print(Text(f"{label:<12}  {one_line(str(value))}"), soft_wrap=not out.is_terminal)


def _show_run(run: dict[str, Any], trials: list[dict[str, Any]], database: str) -> None:
    states = " · ".join(f"{count} {state}" for state, count in run["trials"].items())
    _facts(
        {
            "run": f"{run['run']} {run['name']}".strip(),
            "state": f"{run['state']} {run['reason']}".strip(),
            "owner": run["owner"],
            "go on": f"workbench resume {run['run']}{database}"
            if run["state"] in ("lost", "interrupted", "failed")
            else None,
            "task": run["task"],
            "data": f"{run['dataset']}   {run['facts'].get('headline', '')}",
            "first read": "; ".join(run["facts"].get("notes", [])),
            "split": run["split_summary"],
            "leakage": "; ".join(run["leakage"]) or "none found",
            "metric": run["metric"],
            "trials": states,
            "note": run["note"],
            "time": f"{seconds(run['seconds'])}: {spent(run['spent'])}",
            "started": run["started_at"],
            "versions": ", ".join(f"{name} {version}" for name, version in run["versions"].items()),
        }
    )
    say()
    _show_models(run["models"])
    say()
    _show_trials(trials)


def _show_models(models: list[dict[str, Any]]) -> None:
    """What became of each model, and why it got its share of the search."""
    total = sum(model["seconds"] or 0.0 for model in models)
    shown = [
        {
            **model,
            "estimated": seconds(model["estimated_seconds"]),
            "plugin": f"{model['plugin']} {model['version']}",
            "trials": "" if model["trials"] is None else model["trials"],
            "time": "" if model["seconds"] is None else seconds(model["seconds"]),
            "share": f"{100 * model['seconds'] / total:.0f} %" if model["seconds"] and total else "",
            "best": "" if model["best"] is None else figure(model["best"]),
            "why": model["reason"] or model["allocation"],
        }
        for model in models
    ]
    print_table(
        shown,
        ("model", "plugin", "state", "estimated", "trials", "time", "share", "best", "why"),
        right=("estimated", "trials", "time", "share", "best"),
    )


def _show_trials(trials: list[dict[str, Any]]) -> None:
    """Every trial on a line."""
    shown = [
        {
            "trial": trial["uuid"][:8],
            "number": trial["number"],
            "model": trial["model"],
            "state": trial["state"],
            "objective": figure(trial["objective"]),
            "fit": seconds(trial["fit_seconds"]),
            "score": seconds(trial["score_seconds"]),
            "params or reason": params(trial["params"], trial["model"])
            if trial["state"] == "complete"
            else trial["reason"],
        }
        for trial in trials
    ]
    columns = ("number", "trial", "model", "state", "objective", "fit", "score", "params or reason")
    print_table(shown, columns, right=("number", "objective", "fit", "score"), empty="no trials")


def _show_trial(trial: dict[str, Any]) -> None:
    memory = trial["peak_memory_bytes"]
    _facts(
        {
            "trial": f"{trial['trial']} ({trial['uuid']})",
            "run": f"{trial['run']}, trial {trial['number']}",
            "model": f"{trial['model']} of {trial['plugin']}",
            "state": f"{trial['state']} {trial['reason']}".strip(),
            "params": params(trial["params"], trial["model"]),
            "seed": trial["seed"],
            "rank": trial["final_rank"],
            "note": trial["note"],
            "fit": seconds(trial["fit_seconds"]),
            "score": seconds(trial["score_seconds"]),
            "refit": seconds(trial["refit_seconds"]) if trial["refit_seconds"] is not None else None,
            "cpu": seconds(trial["cpu_seconds"]),
            "memory": None if not memory else f"{memory / 2**20:,.0f} MiB",
            "threads": trial["threads"],
            "device": trial["device"],
            "epochs": trial["epochs"],
            "temperature": None if trial["temperature"] is None else f"{trial['temperature']:.2f}",
            "reports": curve(trial["reports"]),
            "kept": ", ".join(
                f"{item['kind']}/{item['path']} ({item['bytes']:,} bytes)" for item in trial["artifacts"]
            ),
        }
    )
    rows = []
    for part in ("valid", "test"):
        for name, measured in trial[part].items():
            low, high = measured["low"], measured["high"]
            interval = "" if low is None else f"{low:.4f} to {high:.4f}"
            rows.append({"part": part, "metric": name, "value": figure(measured["value"]), "95 %": interval})
    if rows:
        say()
        print_table(rows, ("part", "metric", "value", "95 %"), right=("value",))
    group_tables(trial["groups"], "test")
    mistakes_table(trial["mistakes"], "test")
    if trial["traceback"]:
        say()
        say_lines(trial["traceback"])
