"""Popularity."""

from museum_good.model import Good


class Twin(Good):
    """As it is."""
