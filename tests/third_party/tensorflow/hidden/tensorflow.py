"""Stands in for a heavy library that is not installed."""

raise ModuleNotFoundError("No module named 'tensorflow'")
