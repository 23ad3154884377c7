"""The SQL database that keeps runs, trials, metrics and artifacts; the only place that knows SQLAlchemy."""
