"""Stands in for a heavy library that is installed."""
