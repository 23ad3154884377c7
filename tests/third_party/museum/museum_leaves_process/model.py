"""Leaves two processes behind; one of them is in a session of its own."""

import subprocess
from pathlib import Path

from museum_good.model import Good


class LeavesProcess(Good):
    def fit(self, train, context):
        super().fit(train, context)
        for apart in (False, True):
            child = subprocess.Popen(["sleep", "987654"], start_new_session=apart)
            (Path.home() / f"left-{child.pid}").touch()
