"""Django's PostgreSQL backend, with connections that are few and never wait for ever. `base` is what Django loads."""

from typing import Any

from django.db import connections


def take_the_time(using: str, **_: Any) -> None:
    """Before migrations: an index on millions of rows may take its time. A signal's receiver."""
    wrapper = connections[using]
    if wrapper.vendor == "postgresql":
        from apps.core.postgres.dbapi import PatientConnection  # late: it loads psycopg

        with wrapper.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        if isinstance(wrapper.connection, PatientConnection):
            wrapper.connection.patience_s = None


def hurry_again(using: str, **_: Any) -> None:
    """After them: the next connection has its limits again. A signal's receiver."""
    wrapper = connections[using]
    if wrapper.vendor == "postgresql" and not wrapper.in_atomic_block:
        wrapper.close()
