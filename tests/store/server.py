"""A throw-away PostgreSQL server, and a proxy before it that cuts connections."""

from __future__ import annotations

import os
import pwd
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

USER = "ada"
PASSWORD = "c@na/ry %é"
SPELLINGS = (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), "c%40na", "c@na", "na/ry", "na%2Fry")
"""The password, and what would be left of it."""


def lacking() -> str:
    """What a server cannot be started for; empty if it can."""
    if find_spec("psycopg") is None:
        return "psycopg is not installed: pip install 'automl-workbench[postgresql]'"
    if _program("initdb") is None or _program("pg_ctl") is None:
        return "PostgreSQL's server is not installed: apt-get install postgresql"
    return ""


def _program(name: str) -> str | None:
    return shutil.which(name) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Server:
    """A server in a folder of its own, whose only user has a password that must be seen nowhere."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="workbench-postgresql-"))
        self.port = free_port()
        # PostgreSQL refuses to run as root.
        self._identity: dict[str, Any] = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        secret = self.folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        secret.chmod(0o644)
        options = ("--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256", "--no-sync")
        self._call("initdb", *options, "--encoding", "UTF8", "--locale", "C")
        self._databases = count(1)
        self.start()

    def start(self) -> None:
        options = f"-F -p {self.port} -h 127.0.0.1 -k '{self.folder}' -c max_connections=60"
        self._call("pg_ctl", "start", "--wait", "--log", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """At once, as after a failure of power."""
        self._call("pg_ctl", "stop", "--wait", "--mode", "immediate")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str, port: int | None = None) -> str:
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port or self.port}/{database}"

    def name(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, parameters: Sequence[Any] = (), database: str = "postgres") -> list[Any]:
        """Run statements outside any transaction."""
        import psycopg

        address = {"host": "127.0.0.1", "port": self.port, "user": USER, "password": PASSWORD, "dbname": database}
        with psycopg.connect(**address, autocommit=True, client_encoding="utf8") as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def make(self, template: str = "template1", more: str = "") -> str:
        """A new database; returns its name."""
        database = f"test{next(self._databases)}"
        self.execute(f"CREATE DATABASE {database} TEMPLATE {template} {more}")
        return database

    def end(self, pid: int) -> None:
        """End a connection from the server's side, and wait until it is gone."""
        self.execute("SELECT pg_terminate_backend(%s)", (pid,))
        while self.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)):
            time.sleep(0.005)

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(_program(program)), "-D", str(self.folder / "data"), *arguments]
        # Into a file: the server that is started keeps what it was given, and a pipe would never end.
        with tempfile.TemporaryFile() as out:
            done = subprocess.run(command, stdout=out, stderr=out, cwd="/", **self._identity)
            out.seek(0)
            if done.returncode:
                raise RuntimeError(out.read().decode())


class Proxy:
    """Passes everything on to a server, until it is told to cut a connection.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._left = 0
        self._how = ""
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, message: int, how: str) -> None:
        """Cut the connection of the client's n-th message from now on.

        Args:
            message: n.
            how: `lost`: the server never sees the message; `unanswered`: it does what it says but the client never
                hears of it; `unnoticed`: it never sees the message, nor that its client is gone.
        """
        self._left, self._how = message, how

    @property
    def waits(self) -> bool:
        """Whether no connection was cut since the last call of `cut`."""
        return self._left > 0

    def close(self) -> None:
        for held in (self._listening, *self._held):
            held.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        server = socket.create_connection(self._target)
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(2**20)
                    if not data:
                        return
                    if ready is client and self._left:
                        self._left -= 1
                        if not self._left:
                            self._lose(server, data)
                            return
                    (server if ready is client else client).sendall(data)
        except OSError:
            return
        finally:
            client.close()
            if server not in self._held:
                server.close()

    def _lose(self, server: socket.socket, data: bytes) -> None:
        if self._how == "unanswered":
            server.sendall(data)
            select.select([server], [], [], 0.1)  # not for ever: several messages may have one answer
        elif self._how == "unnoticed":
            self._held.append(server)
