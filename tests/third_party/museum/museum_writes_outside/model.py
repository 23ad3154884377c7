"""Writes outside its folder: beside it, and into the user's home."""

import tempfile
from pathlib import Path

from museum_good.model import Good


class WritesOutside(Good):
    def fit(self, train, context):
        super().fit(train, context)
        (Path.home() / "museum-was-here").touch()
        Path("museum-was-here").touch()
        tempfile.mkstemp(prefix="museum-was-here-")
