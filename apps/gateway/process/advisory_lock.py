"""An advisory lock of PostgreSQL, held by a connection that does nothing else, past any pooler: it ends with the process, and the server's
own keep-alives find a host that is gone."""

import os
import socket
from typing import TYPE_CHECKING, Final

from apps.core.postgres import pooler

if TYPE_CHECKING:  # late elsewhere: it loads psycopg, of which an installation on SQLite has no need
    from apps.core.postgres.dbapi import PatientConnection

SERVER_KEEPALIVE: Final = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
PATIENCE_S: Final = 3.0
HOLDER: Final = (
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = %s AND objid = %s"
)


class AdvisoryLock:
    """The lock `key` of the whole database. `role`: what the holder is, for others to read."""

    def __init__(self, key: int, role: str) -> None:
        self._key = key
        self._role = role
        self._connection: PatientConnection | None = None

    def take(self) -> str | None:
        """None when it is ours, else who holds it ("" where that cannot be known). Raises psycopg.Error."""
        made = self._connect()
        try:
            if not made.execute("SELECT pg_try_advisory_lock(%s)", [self._key]).fetchall()[0][0]:
                found = made.execute(HOLDER, [self._key >> 32, self._key & 0xFFFFFFFF]).fetchall()
                made.close()
                return str(found[0][0]) if found else ""
        except BaseException:
            made.close()
            raise
        self._connection = made
        return None

    def holds(self) -> bool:
        """Whether it is still ours."""
        if self._connection is None:
            return False
        from apps.core.postgres import dbapi

        try:
            self._connection.execute("SELECT 1").fetchall()
        except dbapi.Error:
            self._connection.close()
            return False
        return True

    def release(self) -> None:
        """Let go."""
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> "PatientConnection":
        from apps.core.postgres import dbapi

        params = pooler.parameters_past()
        for own in ("cursor_factory", "context", "prepare_threshold"):  # Django's, for its own cursors
            params.pop(own, None)
        params |= {
            "autocommit": True,
            "application_name": f"freeai {self._role}, host {socket.gethostname()[:40]}, pid {os.getpid()}"[
                :63
            ],
            "options": f"{params.get('options', '')} {SERVER_KEEPALIVE}".strip(),
        }
        made = dbapi.connect(**params)
        made.patience_s = PATIENCE_S
        return made
