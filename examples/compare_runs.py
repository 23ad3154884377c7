"""What the database knows, by SQL: the best trial of every model over all runs of a board.

python examples/compare_runs.py workbench.db
"""

from __future__ import annotations

import sqlite3
import sys

QUERY = """
SELECT model, count(*) AS trials, max(valid) AS best_valid, sum(fit_seconds) AS seconds
FROM leaderboard
WHERE board_id = (SELECT max(board_id) FROM leaderboard)
GROUP BY model
ORDER BY best_valid DESC
"""


def main(path: str = "workbench.db") -> None:
    for model, trials, valid, seconds in sqlite3.connect(path).execute(QUERY):
        print(f"{model:12} {trials:5} trials  {valid:.4f}  {seconds:6.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
