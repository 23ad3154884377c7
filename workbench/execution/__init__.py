"""Where a trial runs: worker processes, their isolation and limits, computations they share."""
