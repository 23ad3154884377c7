"""The views: the public API for whoever queries the database with SQL.

They hold no window functions: a rank computed in a view reads the whole board; ORDER BY in the query reads
its index.
"""

from __future__ import annotations

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
