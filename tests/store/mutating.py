"""Databases changed by chance, as the author of a file could change it, and what the commands make of them.

    python -m tests.store.mutating 10000 [FIRST]

asks every command about so many changed copies of `tests/databases/schema-1.db`, each in a child of its own, so that a
signal ends nothing else. What is no clean answer or refusal is printed with its number, which makes it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

SOURCE = Path(__file__).parent.parent / "databases" / "schema-1.db"
COMMANDS = (
    ("leaderboard", "--json"),
    ("show", "1"),
    ("show", "c803", "--json"),
    ("predict", "c803", "--users", "u1,u7", "-k", "3"),
    ("db", "check"),
)

VALUES: tuple[Any, ...] = (
    *(None, 0, 1, -1, 2**31, 2**63 - 1, -(2**63), 0.5, 9e999, -9e999, "", "many", "NaN", "1e400", b"\xff\x00", b""),
    *("../../outside", "/tmp/outside", "a\0b", "..", "\x1b[2J", "\u202e", "x" * 5_000, "0" * 32, "f" * 64, "os:system"),
    *("[]", "{}", "[1]", '{"a": NaN}', '{"a": {"b": [null]}}', "[" * 5_000 + "]" * 5_000, "null", "{", '{"": 1e999}'),
    *("2020-01-01 00:00:00.000000", "yesterday", "9999-12-31 23:59:59", "complete", "failed", "zstd", "test"),
)


def mutate(path: Path, chance: random.Random) -> str:
    """Change a copy in one to three places; returns what was changed."""
    if chance.random() < 0.2:
        return _change_bytes(path, chance)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        done = []
        for _ in range(chance.randint(1, 3)):
            try:
                done.append(
                    chance.choice((_change_value, _change_json, _change_file, _change_rows))(connection, chance)
                )
            except (sqlite3.Error, ArithmeticError, LookupError, TypeError, ValueError, OSError) as error:
                # What the file itself does not allow, or an earlier change has made impossible.
                done.append(f"({error})")
        connection.commit()
    return "; ".join(done)


def _change_bytes(path: Path, chance: random.Random) -> str:
    content = bytearray(path.read_bytes())
    at, length = chance.randrange(len(content)), chance.choice((1, 4, 64, 4096))
    content[at : at + length] = chance.randbytes(len(content[at : at + length]))
    path.write_bytes(content[: chance.choice((len(content), len(content), len(content), at))])
    return f"bytes {at} to {at + length}"


def _tables(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]


def _change_value(connection: sqlite3.Connection, chance: random.Random) -> str:
    table = chance.choice(_tables(connection))
    column = chance.choice(connection.execute(f"PRAGMA table_info({table})").fetchall())[1]
    value = chance.choice(VALUES)
    where = "" if chance.random() < 0.5 else " WHERE rowid % 2"
    connection.execute(f'UPDATE {table} SET "{column}" = ?{where}', (value,))
    return f"{table}.{column} = {value!a:.60}{where}"


def _change_json(connection: sqlite3.Connection, chance: random.Random) -> str:
    places = [("dataset", "facts"), ("run", "settings"), ("run", "versions"), ("run", "leakage"), ("run", "spent")]
    table, column = chance.choice([*places, ("run_model", "space"), ("trial", "params")])
    document = json.loads(connection.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()[0] or "null")
    value = chance.choice((None, 10**400, -1, 1e300, "text", [], {}, [[1]], {"a": "b"}, True))
    if isinstance(document, dict) and document:
        document[chance.choice([*document, "another"])] = value
    else:
        document = value
    connection.execute(f"UPDATE {table} SET {column} = ?", (json.dumps(document),))
    return f"{table}.{column} has {value!a:.60}"


def _change_rows(connection: sqlite3.Connection, chance: random.Random) -> str:
    table = chance.choice(_tables(connection))
    connection.execute(f"DELETE FROM {table} WHERE rowid % ? = 0", (chance.randint(1, 3),))
    return f"rows of {table} deleted"


def _change_file(connection: sqlite3.Connection, chance: random.Random) -> str:
    """Change a stored file, and its hash with it."""
    rows = connection.execute(
        "SELECT artifact.id, path, blob.sha256, size, codec FROM artifact JOIN blob USING (sha256)"
    )
    id, path, sha256, size, codec = chance.choice(rows.fetchall())
    content = b""
    for (data,) in connection.execute("SELECT data FROM blob_chunk WHERE sha256 = ? ORDER BY number", (sha256,)):
        content += pa.Codec("zstd").decompress(data, size, asbytes=True) if codec == "zstd" else data
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(max(1, len(changed)))
        changed[at : at + chance.choice((1, 4, 8))] = chance.choice(
            (chance.randbytes(chance.choice((1, 4, 8))), b"\xff\xff\xff\x7f", b"\0" * 8, b"9", b"-1", b"[", b"")
        )
    new = hashlib.sha256(changed).hexdigest()
    connection.execute("INSERT OR REPLACE INTO blob VALUES (?, ?, 'raw', 1)", (new, len(changed)))
    connection.execute("INSERT OR REPLACE INTO blob_chunk VALUES (?, 0, ?)", (new, bytes(changed)))
    connection.execute("UPDATE artifact SET sha256 = ? WHERE id = ?", (new, id))
    return f"file {path}"


def asked(arguments: tuple[str, ...]) -> int:
    """The exit code of the command line, in this process."""
    from workbench.cli import main

    sys.argv = ["workbench", *arguments]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def asked_in_a_child(arguments: tuple[str, ...], folder: Path) -> tuple[int, str]:
    """(exit code, or less than zero for a signal; what it printed) of the command line."""
    printed = folder / "printed.txt"
    child = os.fork()
    if child == 0:
        with printed.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.chdir(folder)
        try:
            code = asked(arguments)
            sys.stdout.flush()
            os._exit(code)
        finally:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), printed.read_text(encoding="utf-8", errors="replace")


def is_clean(code: int, printed: str) -> bool:
    """Whether it is an answer or a refusal."""
    return code in (0, 2) and not any(word in printed for word in ("internal fault", "Traceback", " failed: "))


def copies(first: int, count: int, folder: Path) -> Iterator[tuple[int, Path, str]]:
    """(number, changed copy, what was changed)."""
    for number in range(first, first + count):
        path = folder / "changed.db"
        shutil.copy(SOURCE, path)
        yield number, path, mutate(path, random.Random(number))


def _main(count: int, first: int = 0) -> None:
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["TMPDIR"] = name
        for command in COMMANDS:
            # Once on the unchanged database and in this process, so that no child imports again what commands need.
            with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
                asked((*command, "--db", f"sqlite:///{SOURCE}"))
        for number, path, what in copies(first, count, folder):
            for command in COMMANDS:
                code, printed = asked_in_a_child((*command, "--db", f"sqlite:///{path}"), folder)
                clean = is_clean(code, printed)
                found[f"{' '.join(command)}: {code if clean else 'NOT CLEAN'}"] += 1
                if not clean:
                    print(number, command, code, what, printed.strip()[-300:], sep=" | ", flush=True)
                for side in (f"{path}-journal", f"{path}-wal", f"{path}-shm"):
                    Path(side).unlink(missing_ok=True)
            if number % 500 == 499:
                print(number + 1 - first, dict(sorted(found.items())), flush=True)
        print(dict(sorted(found.items())), sorted(each.name for each in folder.iterdir()))


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
