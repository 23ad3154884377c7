"""The process that holds the lock of a database is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import StoreFailure
from workbench.store.database import Database
from workbench.store.locks import holder_of

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = " + sys.argv[2])
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not tell")
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_whoever_keeps_a_database_locked_is_named(database: Database, journal: str) -> None:
    path = Path(database.name)
    database.close()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), journal], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        os.kill(holder.pid, signal.SIGSTOP)
        os.waitpid(holder.pid, os.WUNTRACED)
        impatient = Database(f"sqlite:///{path}?timeout=0.01")
        with pytest.raises(StoreFailure) as refused:
            impatient.check_writable()
        impatient.close()
        said = str(refused.value)
        assert said.startswith(f"{path}: database is locked, by process {holder.pid} (python")
        assert said.endswith("), which is stopped")
    finally:
        holder.kill()
        holder.wait()
    assert holder_of(path) is None
