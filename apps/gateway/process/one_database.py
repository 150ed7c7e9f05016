"""One database for all that count in one Redis: counters are told apart by users, whose numbers mean others in another database. A SQLite
file is another one on each host."""

import os
import socket
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import Error, connection

from apps.core.postgres import pooler
from apps.core.state.choice import is_shared

log = structlog.get_logger("freeai.gateway")

PATIENCE_S: Final = 2.0
REMEDY: Final = (
    "Gateways on several hosts need one PostgreSQL (FREEAI_DATABASE_URL); "
    "another installation needs a number of its own in FREEAI_STATE."
)


class AnotherDatabaseError(Exception):
    """Others count in this Redis for another database. The text is a sentence with the remedy."""


def claim() -> None:
    """Say for which database this process counts, where it counts in Redis. Raises AnotherDatabaseError, DatabaseError."""
    if not is_shared(settings.FREEAI_STATE):
        return
    import redis  # who counts in memory does not load it

    try:
        other_one = other(settings.FREEAI_STATE, claims=True)
    except (redis.RedisError, OSError) as error:
        log.warning("state.redis_awaited", detail=type(error).__name__)  # the store waits for it, and says so
        return
    if other_one:
        raise AnotherDatabaseError(
            f"Other gateways count in the Redis of FREEAI_STATE for another database ({other_one}). {REMEDY}"
        )


def other(where: str, *, claims: bool = False) -> str:
    """Which database the gateways that live there serve on, "" where it is ours. `claims`: if none live, it is ours from now on. Raises
    RedisError, OSError, DatabaseError."""
    import redis

    from apps.core.state.redis.member import ALIVE_S
    from apps.core.state.redis.names import VERSION, Names

    names = Names(VERSION, "")
    client: Any = redis.Redis.from_url(where, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S)
    with closing(client):
        ours, key = identity(), names.of_all("database")
        told = (client.get(key) or b"").decode()
        living = client.zcount(names.of_all("processes"), time() - ALIVE_S, "+inf")
        if told not in ("", ours) and living:
            return str(told)
        if claims:
            client.set(key, ours)
        return ""


def identity() -> str:
    """The same for all who are on one database. Raises DatabaseError."""
    if connection.vendor != "postgresql":
        file = Path(os.path.realpath(connection.settings_dict["NAME"]))
        found = file.stat()
        return f"{file.name} on {socket.gethostname()}, file {found.st_dev}:{found.st_ino}"
    past = pooler.past()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT system_identifier FROM pg_control_system()")
            return f"{past['NAME']} of the PostgreSQL {cursor.fetchone()[0]}"
    except Error:  # the role may not ask
        return f"{past['NAME']} at {past['HOST']}:{past['PORT'] or 5432}"
