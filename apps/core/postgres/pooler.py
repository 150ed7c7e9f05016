"""A pooler in front of PostgreSQL (PgBouncer), in transaction mode too: what serves and what runs tasks goes through it. Set-up and
commands, backups and locks need a session of their own, and go past it."""

from typing import Any, Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections

_past: Final[dict[str, Any]] = {}


def use() -> None:
    """From now on the connections of this process lead to FREEAI_DATABASE_POOLER_URL, where it is set."""
    if settings.FREEAI_DATABASE_POOLER is None or _past:
        return
    of = connections.settings[DEFAULT_DB_ALIAS]  # what each thread's connection is made of
    _past.update(of)
    connection.close()
    of.update(settings.FREEAI_DATABASE_POOLER)


def past() -> dict[str, Any]:
    """Django's settings of the database itself, whatever the connections of this process go through."""
    return {**connection.settings_dict, **_past}


def parameters_past() -> dict[str, Any]:
    """How the driver reaches it."""
    return type(connections[DEFAULT_DB_ALIAS])(past(), DEFAULT_DB_ALIAS).get_connection_params()
