"""A PgBouncer of the test's own, in transaction mode: whoever keeps anything in a session loses it."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.e2e.postgres import Database
from tests.e2e.server import free_port

SERVER_CONNECTIONS = 2
"""Far fewer than a gateway has of its own, so that each transaction may be on another than the one before."""


class Pooler:
    """Running; `url` leads through it to the database."""

    def __init__(self, folder: Path, database: Database, settings: str) -> None:
        server = urlsplit(database.url)
        self.port = free_port()
        self.url = server._replace(netloc=f"{server.username}@127.0.0.1:{self.port}").geturl()
        self._command = ["pgbouncer", "-q", str(folder / "pgbouncer.ini")]
        if os.getuid() == 0:  # as which it does not run
            user = pwd.getpwnam("nobody")
            shutil.chown(folder, user.pw_uid, user.pw_gid)
            self._command[1:1] = ["-u", "nobody"]
        (folder / "users.txt").write_text(f'"{server.username}" "{server.password or ""}"\n')
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={server.hostname} port={server.port or 5432}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {folder / 'users.txt'}\nadmin_users = {server.username}\n"
            f"pool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\n{settings}"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                self.transactions()
                return
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """kill -9: all connections break."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def transactions(self) -> int:
        """How many have gone through it, of all databases but its own."""
        own = urlsplit(self.url)._replace(path="/pgbouncer").geturl()
        with psycopg.connect(own, autocommit=True, connect_timeout=3) as console:
            cursor = psycopg.ClientCursor(console)
            rows = cursor.execute("SHOW TOTALS").fetchall()
        return {name: int(count) for name, count in rows}["total_xact_count"]


@contextmanager
def pooling(database: Database, settings: str = "") -> Iterator[Pooler]:
    """Skips where there is none to start."""
    if shutil.which("pgbouncer") is None:
        pytest.skip("no pgbouncer: apt-get install pgbouncer")
    folder = Path(tempfile.mkdtemp(prefix="freeai-pgbouncer-"))
    pooler = Pooler(folder, database, settings)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.kill()
        shutil.rmtree(folder, ignore_errors=True)
