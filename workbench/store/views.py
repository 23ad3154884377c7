"""The views: the public API of the database for queries in SQL.

They hold no window functions: a rank computed in a view reads the whole board; ORDER BY in the query reads
its index.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from workbench.store import schema
from workbench.store.types import type_at

LEADERBOARD = """
CREATE VIEW leaderboard AS
SELECT
    trial.board_id,
    board.task,
    dataset.name AS dataset,
    dataset.fingerprint AS dataset_fingerprint,
    board.split,
    board.metric,
    board.direction,
    trial.run_id AS run,
    trial.uuid AS trial,
    trial.number,
    trial.model,
    trial.plugin,
    trial.draws,
    trial.objective,
    CASE board.direction WHEN 'maximize' THEN trial.objective ELSE -trial.objective END AS valid,
    trial.valid_low,
    trial.valid_high,
    test.value AS test,
    trial.final_rank,
    trial.tied,
    trial.fit_seconds,
    trial.score_seconds,
    trial.peak_memory_bytes,
    trial.params,
    trial.note,
    trial.finished_at
FROM trial
JOIN board ON board.id = trial.board_id
JOIN dataset ON dataset.id = board.dataset_id
LEFT JOIN trial_metric AS test
    ON test.trial_id = trial.id AND test.part = 'test' AND test.name = board.metric
WHERE trial.state = 'complete' AND trial.objective IS NOT NULL
"""

RUN_SUMMARY = """
CREATE VIEW run_summary AS
SELECT
    run.id AS run,
    run.name,
    run.task,
    dataset.name AS dataset,
    board.split,
    board.metric,
    run.state,
    run.reason,
    (SELECT count(*) FROM trial WHERE trial.run_id = run.id AND trial.model <> 'ensemble') AS trials,
    (SELECT count(*) FROM trial WHERE trial.run_id = run.id AND trial.model <> 'ensemble' AND trial.state = 'complete')
        AS complete_trials,
    best.model AS best_model,
    best.uuid AS best_trial,
    CASE board.direction WHEN 'maximize' THEN best.objective ELSE -best.objective END AS best_valid,
    test.value AS best_test,
    run.budget_seconds,
    run.seconds,
    run.started_at,
    run.finished_at
FROM run
JOIN board ON board.id = run.board_id
JOIN dataset ON dataset.id = board.dataset_id
LEFT JOIN trial AS best ON best.run_id = run.id AND best.final_rank = 1
LEFT JOIN trial_metric AS test
    ON test.trial_id = best.id AND test.part = 'test' AND test.name = board.metric
"""

VIEWS = {"leaderboard": LEADERBOARD, "run_summary": RUN_SUMMARY}


def _view(name: str, optional: tuple[str, ...] = (), /, **columns: sa.Column[Any]) -> sa.TableClause:
    """A view whose columns hold what columns of tables hold, where the `optional` ones may be empty all the same."""
    return sa.table(
        name,
        *(
            sa.column(each, type_at(source, f"{name}.{each}", nullable=bool(source.nullable) or each in optional))
            for each, source in columns.items()
        ),
    )


_board, _dataset, _run, _trial = schema.board.c, schema.dataset.c, schema.run.c, schema.trial.c

leaderboard = _view(
    "leaderboard",
    ("test",),
    board_id=_trial.board_id,
    task=_board.task,
    dataset=_dataset.name,
    dataset_fingerprint=_dataset.fingerprint,
    split=_board.split,
    metric=_board.metric,
    direction=_board.direction,
    run=_trial.run_id,
    trial=_trial.uuid,
    number=_trial.number,
    model=_trial.model,
    plugin=_trial.plugin,
    draws=_trial.draws,
    objective=schema.trial_metric.c.value,
    valid=schema.trial_metric.c.value,
    valid_low=_trial.valid_low,
    valid_high=_trial.valid_high,
    test=schema.trial_metric.c.value,
    final_rank=_trial.final_rank,
    tied=_trial.tied,
    fit_seconds=_trial.fit_seconds,
    score_seconds=_trial.score_seconds,
    peak_memory_bytes=_trial.peak_memory_bytes,
    params=_trial.params,
    note=_trial.note,
    finished_at=_trial.finished_at,
)

run_summary = _view(
    "run_summary",
    ("best_model", "best_trial", "best_valid", "best_test"),
    run=_run.id,
    name=_run.name,
    task=_run.task,
    dataset=_dataset.name,
    split=_board.split,
    metric=_board.metric,
    state=_run.state,
    reason=_run.reason,
    trials=_trial.number,
    complete_trials=_trial.number,
    best_model=_trial.model,
    best_trial=_trial.uuid,
    best_valid=_trial.objective,
    best_test=schema.trial_metric.c.value,
    budget_seconds=_run.budget_seconds,
    seconds=_run.seconds,
    started_at=_run.started_at,
    finished_at=_run.finished_at,
)
