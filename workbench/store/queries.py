"""Reading: leaderboards, runs, trials. Plain dictionaries leave this module, never rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workbench.errors import StoreError, UnknownName, UserError
from workbench.store import schema, views
from workbench.store.database import Database, rereading
from workbench.store.lease import DatabaseNow, Standing
from workbench.store.naming import called, called_by_runs, called_on_boards

MIN_PREFIX = 4
_DIGITS = re.compile("[0-9a-f]+")


@rereading
def boards(
    database: Database,
    task: str | None = None,
    data: str | None = None,
    run: int | None = None,
    metric: str | None = None,
) -> list[dict[str, Any]]:
    """Boards with scored trials, the one that was run on last first.

    Args:
        database: open.
        task: only of this task.
        data: only of the dataset that a run has called so, or whose fingerprint starts so.
        run: only the one this run is on.
        metric: only of this metric.
    """
    board, dataset, runs = schema.board, schema.dataset, schema.run
    query = (
        sa.select(
            board.c.id,
            board.c.task,
            dataset.c.name.label("dataset"),
            dataset.c.fingerprint.label("dataset_fingerprint"),
            board.c.split,
            board.c.metric,
            board.c.direction,
            sa.func.max(runs.c.id).label("last_run"),
        )
        .join(dataset, dataset.c.id == board.c.dataset_id)
        .join(runs, runs.c.board_id == board.c.id)
        .group_by(board.c.id, dataset.c.id)
        .order_by(sa.desc("last_run"))
    )
    if task is not None:
        query = query.where(board.c.task == task)
    if metric is not None:
        query = query.where(board.c.metric == metric)
    if run is not None:
        query = query.where(runs.c.id == run)
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
        names = called_on_boards(connection)
        own = {} if run is None else called_by_runs(connection, [run])
    for row in rows:
        row["dataset"] = own.get(row["last_run"], data if data in names[row["id"]] else names[row["id"]][0])
    if data is None:
        return rows
    return [row for row in rows if data in names[row["id"]] or row["dataset_fingerprint"].startswith(data)]


@rereading
def leaderboard(database: Database, board: int, run: int | None = None, top: int | None = 20) -> list[dict[str, Any]]:
    """The best trials of a board, ranked.

    Trials scored on more draws of valid come first: a mean of five draws is evidence, the best of many single
    draws is partly luck.

    Args:
        database: open.
        board: its id.
        run: only the trials of this run.
        top: at most so many; None for all.
    """
    view = views.leaderboard
    query = sa.select(view).where(view.c.board_id == board)
    query = query.order_by(view.c.draws.desc(), view.c.objective.desc()).limit(top)
    if run is not None:
        query = query.where(view.c.run == run)
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
        ids = short_ids(connection, [row["trial"] for row in rows])
    # Equal scores in order of their trials; asked of the database, it would sort the whole board.
    rows.sort(key=lambda row: (-row["draws"], -row["objective"], row["run"], row["number"]))
    for number in {row["run"] for row in rows}:
        _rank_as_selected(rows, number)
    if rows:
        # Ties were told against the leader of their own run, so they hold only beside it.
        leader = rows[0]["run"] if rows[0]["final_rank"] == 1 else None
        for row in rows:
            row["tied"] = row["tied"] and row["run"] == leader
    return [_leaderboard_row(rank, row, ids[row["trial"]]) for rank, row in enumerate(rows, 1)]


def _rank_as_selected(rows: list[dict[str, Any]], run: int) -> None:
    """Order a run's finalists among their places as the run did: of those that are as good, the cheap one first."""
    places = [place for place, row in enumerate(rows) if row["run"] == run and row["final_rank"] is not None]
    for place, row in zip(
        places, sorted((rows[place] for place in places), key=lambda row: row["final_rank"]), strict=True
    ):
        rows[place] = row


def _leaderboard_row(rank: int, row: dict[str, Any], short: str) -> dict[str, Any]:
    return {
        "rank": rank,
        "tie": bool(row["tied"]),
        "run": row["run"],
        "trial": short,
        "number": row["number"],
        "model": row["model"],
        "plugin": row["plugin"],
        "metric": row["metric"],
        "draws": row["draws"],
        "valid": row["valid"],
        "valid_low": row["valid_low"],
        "valid_high": row["valid_high"],
        "test": row["test"],
        "fit_seconds": row["fit_seconds"],
        "score_seconds": row["score_seconds"],
        "peak_memory_bytes": row["peak_memory_bytes"],
        "params": row["params"],
        "note": row["note"],
        "finished_at": _time(row["finished_at"]),
    }


def short_ids(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Each trial's shortest prefix, of four digits or more, that no other trial of the database shares."""
    table, shortest = schema.trial, {}
    for id in ids:
        neighbours = []
        for side, order in ((table.c.uuid < id, table.c.uuid.desc()), (table.c.uuid > id, table.c.uuid)):
            neighbours.append(connection.execute(sa.select(table.c.uuid).where(side).order_by(order).limit(1)).scalar())
        shared = max((_common(id, other) for other in neighbours if other), default=0)
        shortest[id] = id[: max(MIN_PREFIX, shared + 1)]
    return shortest


def _common(first: str, second: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(first, second, strict=True)) if a != b), len(first))


@rereading
def runs(database: Database, limit: int | None = None) -> list[dict[str, Any]]:
    """Runs, the newest first."""
    query = sa.select(views.run_summary).order_by(views.run_summary.c.run.desc()).limit(limit)
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
        ids = short_ids(connection, [row["best_trial"] for row in rows if row["best_trial"]])
        owners = standings(connection)
        names = called_by_runs(connection, [row["run"] for row in rows])
    for row in rows:
        row["dataset"] = names[row["run"]]
        row["best_trial"] = ids.get(row["best_trial"])
        row["started_at"], row["finished_at"] = _time(row["started_at"]), _time(row["finished_at"])
        row["state"] = _state(row["state"], owners.get(row["run"]))
    return rows


def standings(connection: Connection) -> dict[int, Standing]:
    """Who owns each of the runs that are said to be running."""
    table = schema.run
    query = sa.select(table, DatabaseNow().label("now")).where(table.c.state == "running")
    return {row["id"]: Standing.of(row, row["now"]) for row in connection.execute(query).mappings()}


def _state(state: str, standing: Standing | None) -> str:
    """A run's state, or `lost` where it only seems to be running."""
    return "lost" if state == "running" and (standing is None or standing.lost) else state


@rereading
def find_trial(database: Database, prefix: str) -> dict[str, Any]:
    """The trial whose id starts with this prefix: its row, with `run` and its params.

    Raises:
        UnknownName: there is none.
        UserError: several trials' ids start so.
    """
    table = schema.trial
    wanted = prefix.strip().lower()
    with database.read() as connection:
        query = sa.select(table).where(table.c.uuid.startswith(wanted)).order_by(table.c.uuid).limit(3)
        rows = [dict(row) for row in connection.execute(query).mappings()] if _DIGITS.fullmatch(wanted) else []
        if not rows:
            raise UnknownName("trial", prefix, [], "workbench leaderboard")
        ids = short_ids(connection, [row["uuid"] for row in rows])
    if len(rows) > 1:
        listed = ", ".join(ids[row["uuid"]] for row in rows[:2]) + (", ..." if len(rows) > 2 else "")
        raise UserError(f"trial {prefix!r} is ambiguous: {listed}; give more digits")
    return {**rows[0], "trial": ids[rows[0]["uuid"]]}


def version_of(run: Mapping[str, Any], model: str) -> str:
    """The version of the distribution that a model of a run is of; `run` as the function of that name gives it.

    Raises:
        StoreError: the run knows no such model.
    """
    versions = {each["model"]: str(each["version"]) for each in run["models"]}
    if model not in versions:
        raise StoreError(f"run {run['run']} is damaged: it has a trial of model {model!r}, which it never searched")
    return versions[model]


@rereading
def trial(database: Database, prefix: str) -> dict[str, Any]:
    """All that is known of one trial.

    Raises:
        UserError: see `find_trial`.
    """
    row = find_trial(database, prefix)
    metric, report, artifact, blob = schema.trial_metric, schema.trial_report, schema.artifact, schema.blob
    group, mistake = schema.trial_group, schema.trial_mistake
    with database.read() as connection:
        measured = sa.select(metric).where(metric.c.trial_id == row["id"]).order_by(metric.c.part, metric.c.name)
        metrics = connection.execute(measured).mappings().all()
        groups = connection.execute(
            sa.select(group.c.grouped_by.label("by"), group.c.name, group.c.metric, group.c.value, group.c["count"])
            .where(group.c.trial_id == row["id"])
            .order_by(group.c.position)
        ).mappings()
        broken_down = [dict(entry) for entry in groups]
        named = (mistake.c[name] for name in ("example", "right_class", "predicted_class", "probability"))
        worst = sa.select(*named).where(mistake.c.trial_id == row["id"]).order_by(mistake.c.position)
        mistakes = [dict(entry) for entry in connection.execute(worst).mappings()]
        reports = connection.execute(
            sa.select(report.c.step, report.c.value).where(report.c.trial_id == row["id"]).order_by(report.c.step)
        ).all()
        files = connection.execute(
            sa.select(artifact.c.kind, artifact.c.path, blob.c.size)
            .join(blob, blob.c.sha256 == artifact.c.sha256)
            .where(artifact.c.trial_id == row["id"])
            .order_by(artifact.c.id)
        ).all()
    parts: dict[str, dict[str, Any]] = {"valid": {}, "test": {}}
    for entry in metrics:
        parts[entry["part"]][entry["name"]] = {key: entry[key] for key in ("value", "low", "high")}
    hidden = ("id", "board_id", "uuid", "run_id")
    return {
        "trial": row["trial"],
        "uuid": row["uuid"],
        "run": row["run_id"],
        **{key: value for key, value in row.items() if key not in (*hidden, "trial")},
        "started_at": _time(row["started_at"]),
        "finished_at": _time(row["finished_at"]),
        **parts,
        "groups": broken_down,
        "mistakes": mistakes,
        "reports": [list(entry) for entry in reports],
        "artifacts": [{"kind": kind, "path": path, "bytes": size} for kind, path, size in files],
    }


@rereading
def run(database: Database, number: int) -> dict[str, Any]:
    """All that is known of one run.

    Raises:
        UnknownName: there is none.
    """
    table, model, trials = schema.run, schema.run_model, schema.trial
    with database.read() as connection:
        row = connection.execute(sa.select(table).where(table.c.id == number)).mappings().one_or_none()
        if row is None:
            raise UnknownName("run", str(number), [], "workbench runs")
        summary = (
            connection.execute(sa.select(views.run_summary).where(views.run_summary.c.run == number)).mappings().one()
        )
        dataset, board = schema.dataset, schema.board
        compared = connection.execute(
            sa.select(dataset.c.facts, dataset.c.fingerprint, board.c.direction)
            .join(board, board.c.dataset_id == dataset.c.id)
            .where(board.c.id == row["board_id"])
        )
        known = dict(compared.mappings().one())
        planned = sa.select(model).where(model.c.run_id == number).order_by(model.c.model)
        models = connection.execute(planned).mappings().all()
        counted = (
            sa.select(trials.c.state, sa.func.count().label("count"))
            .where(trials.c.model != schema.ENSEMBLE)
            .where(trials.c.run_id == number)
            .group_by(trials.c.state)
            .order_by(trials.c.state)
        )
        states = connection.execute(counted).all()
        ids = short_ids(connection, [summary["best_trial"]] if summary["best_trial"] else [])
        standing = standings(connection).get(number)
    hidden = ("id", "uuid", "board_id", "started_at", "finished_at", "fence")
    return {
        **summary,
        "dataset": called(row["settings"], summary["dataset"]),
        "state": _state(summary["state"], standing),
        "owner": None if standing is None else str(standing),
        "best_trial": ids.get(summary["best_trial"]),
        "started_at": _time(summary["started_at"]),
        "finished_at": _time(summary["finished_at"]),
        **{
            key: value
            for key, value in row.items()
            if key not in hidden and key not in summary and not key.startswith("owner_")
        },
        "board": row["board_id"],
        **known,
        "trials": {row.state: row.count for row in states},
        "models": [{key: value for key, value in entry.items() if key != "run_id"} for entry in models],
    }


@rereading
def trials(database: Database, number: int) -> list[dict[str, Any]]:
    """Every trial of a run, in order of number."""
    table = schema.trial
    columns = (
        "uuid",
        "number",
        "model",
        "state",
        "reason",
        "params",
        "objective",
        "fit_seconds",
        "score_seconds",
    )
    query = sa.select(*(table.c[name] for name in columns)).where(table.c.run_id == number).order_by(table.c.number)
    with database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _time(value: Any) -> str | None:
    return None if value is None else f"{value.isoformat(timespec='seconds')}Z"
