"""What can go wrong beneath a fleet: its Redis and its PostgreSQL, killed, hung, slowed, emptied, cut off, read-only."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import psycopg
import redis

from benchmarks.processes import free_port, wait_for
from docker.services import HOST, Postgres, Redis

SLOW_MS: Final = 400
"""For so long Redis answers nobody, again and again: longer than a gateway waits for it."""
OF_OURS: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
WRITING: Final = "-c default_transaction_read_only=off"


class Services:
    """PostgreSQL and Redis, and what is done to them. Each fault lasts for so many seconds."""

    def __init__(self, folder: Path) -> None:
        self._postgres_port, self._redis_port = free_port(), free_port()
        self._services = Postgres(folder, self._postgres_port), Redis(folder, self._redis_port)
        self.database_url = f"postgres://postgres@{HOST}:{self._postgres_port}/test"
        self.redis_url = f"redis://{HOST}:{self._redis_port}"
        self.faults: dict[str, Callable[[float], None]] = {
            "redis": lambda lasts_s: self._kill(self._redis_port, lasts_s),
            "redis hung": lambda lasts_s: self._hang(self._redis_port, lasts_s),
            "redis slow": self._slow,
            "redis emptied": self._empty,
            "postgres": lambda lasts_s: self._kill(self._postgres_port, lasts_s),
            "postgres hung": lambda lasts_s: self._hang(self._postgres_port, lasts_s),
            "postgres cut": self._cut,
            "postgres read-only": self._read_only,
        }

    def start(self) -> None:
        """Whatever of them does not run."""
        for service in self._services:
            service.start()

    def stop(self) -> None:
        for service in self._services:
            service.stop()

    def _kill(self, port: int, lasts_s: float) -> None:
        """-9, and whoever it has forked ends by itself."""
        found = _listening_at(port)
        found.kill()
        wait_for(lambda: not found.is_running(), 20, f"what listened on {port} did not end")
        time.sleep(lasts_s)
        self.start()

    def _hang(self, port: int, lasts_s: float) -> None:
        """It says nothing, and keeps its connections."""
        found = _listening_at(port)
        stopped = [found, *found.children(recursive=True)]
        for each in stopped:
            each.suspend()
        try:
            time.sleep(lasts_s)
        finally:
            for each in stopped:
                if each.is_running():
                    each.resume()

    def _slow(self, lasts_s: float) -> None:
        with redis.Redis.from_url(self.redis_url) as client:
            end = time.monotonic() + lasts_s
            while time.monotonic() < end:
                client.client_pause(SLOW_MS, all=True)
                time.sleep(1.25 * SLOW_MS / 1000)

    def _empty(self, lasts_s: float) -> None:
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()
        time.sleep(lasts_s)

    def _cut(self, lasts_s: float) -> None:
        """Each connection breaks, again and again."""
        end = time.monotonic() + lasts_s
        while time.monotonic() < end:
            self._execute(OF_OURS)
            time.sleep(0.1)

    def _read_only(self, lasts_s: float) -> None:
        """As a standby is."""
        self._execute("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        try:
            time.sleep(lasts_s)
        finally:
            self._execute("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(self.database_url, autocommit=True, options=WRITING) as database:
            for statement in statements:
                database.execute(statement)


def _listening_at(port: int) -> psutil.Process:
    """Who listens there. Raises RuntimeError."""
    for each in psutil.net_connections("tcp4"):
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
            return psutil.Process(each.pid)
    raise RuntimeError(f"nobody listens on {port}")
