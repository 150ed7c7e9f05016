"""How the settings speak to PostgreSQL: every wait has an end, and connections are few."""

from collections.abc import Mapping
from typing import Any

from dj_database_url import DBConfig

SILENCE_S = 2  # how much later than the server's own timeout a statement is given up on this side


def through_pooler(given: DBConfig, options: Mapping[str, Any]) -> DBConfig:
    """Django's settings of a pooler, by those `given` in its URL and the `options` of the database behind it. A pooler takes no start-up
    options, and in transaction mode nothing may outlive a transaction: no cursor on the server."""
    made = {**options, **given.get("OPTIONS", {})}
    made.pop("options", None)
    return DBConfig(
        NAME=given["NAME"],
        USER=given["USER"],
        PASSWORD=given["PASSWORD"],
        HOST=given["HOST"],
        PORT=given["PORT"],
        OPTIONS=made,
        DISABLE_SERVER_SIDE_CURSORS=True,
    )


def options(
    given: Mapping[str, Any], *, connect_s: int, statement_s: int, tcp_s: int, most: int
) -> dict[str, Any]:
    """OPTIONS for `apps.core.postgres`. What is `given` in the URL wins. `statement_s` 0: statements may take for ever.

    `tcp_s`: how long a host may be gone before its connections are. It is said twice, for data on its way and for connections on which
    nobody speaks.
    """
    made = {
        "connect_timeout": connect_s,
        "keepalives": 1,
        "keepalives_idle": max(1, tcp_s // 2),
        "keepalives_interval": max(1, tcp_s // 6),
        "keepalives_count": 3,
        "tcp_user_timeout": tcp_s * 1000,
        "max_connections": most,
        **given,
    }
    if statement_s:
        made["patience_s"] = statement_s + SILENCE_S
        # A connection that goes silent within a transaction leaves its locks behind, and whoever needs them waits with them.
        limits = f"-c statement_timeout={statement_s}s -c idle_in_transaction_session_timeout={statement_s}s"
        made["options"] = f"{limits} {given.get('options', '')}".strip()
    return made
