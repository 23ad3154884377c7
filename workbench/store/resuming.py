"""What it takes to go on with a run."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from workbench.errors import UnknownName
from workbench.store import schema
from workbench.store.database import Database, rereading
from workbench.store.lease import DatabaseNow, refuse_if_owned


@rereading
def records(database: Database, number: int) -> list[dict[str, Any]]:
    """Every trial of a run as its row has it, in order of number, with its reports and scores.

    These are `reports`: step -> value; and `valid`: metric -> (value, low, high).
    """
    table, metric, report = schema.trial, schema.trial_metric, schema.trial_report
    with database.read() as connection:
        rows = connection.execute(sa.select(table).where(table.c.run_id == number).order_by(table.c.number)).mappings()
        found = {row["id"]: {**row, "reports": {}, "valid": {}} for row in rows}
        measured = connection.execute(
            sa.select(metric)
            .join(table, table.c.id == metric.c.trial_id)
            .where(table.c.run_id == number, metric.c.part == "valid")
        ).mappings()
        for entry in measured:
            found[entry["trial_id"]]["valid"][entry["name"]] = (entry["value"], entry["low"], entry["high"])
        reported = connection.execute(
            sa.select(report)
            .join(table, table.c.id == report.c.trial_id)
            .where(table.c.run_id == number)
            .order_by(report.c.trial_id, report.c.step)
        ).mappings()
        for entry in reported:
            found[entry["trial_id"]]["reports"][entry["step"]] = entry["value"]
    return list(found.values())


@rereading
def resumable(database: Database, number: int) -> dict[str, Any]:
    """What it takes to go on with a run: its row, with `fingerprint`, `split`, the `models` that have scored, and
    those that were `searched`: model -> (distribution, version).

    Raises:
        UnknownName: there is none.
        UserError: its owner lives.
    """
    table, board, dataset, trial = schema.run, schema.board, schema.dataset, schema.trial
    with database.read() as connection:
        row = (
            connection.execute(
                sa.select(table, dataset.c.fingerprint, board.c.split, DatabaseNow().label("now"))
                .join(board, board.c.id == table.c.board_id)
                .join(dataset, dataset.c.id == board.c.dataset_id)
                .where(table.c.id == number)
            )
            .mappings()
            .one_or_none()
        )
        if row is None:
            raise UnknownName("run", str(number), [], "workbench runs")
        refuse_if_owned(row, row["now"])
        there = trial.c.run_id == number, trial.c.objective.is_not(None), trial.c.model != schema.ENSEMBLE
        scored = sa.select(trial.c.model).where(*there).distinct()
        models = set(connection.execute(scored).scalars())
        each = schema.run_model.c
        searched = sa.select(each.model, each.plugin, each.version)
        searched = searched.where(each.run_id == number, each.state == "searched").order_by(each.model)
        plugins = {name: (plugin, version) for name, plugin, version in connection.execute(searched)}
        return {**row, "models": models, "searched": plugins}
