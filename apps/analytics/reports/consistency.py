"""Several queries that see one moment of the database, and that keep no writer waiting."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction


@contextmanager
def consistent_reads(using: str) -> Iterator[None]:
    """Within: all reads are of one moment; nothing may be written. Part of a transaction that is open already. Raises DatabaseError.

    On PostgreSQL they also have the memory to group a day's events without a file, and no compiler: compiling costs such a query more than
    it gains (2026-11).
    """
    connection = connections[using]
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")
            yield
    else:
        with connection.cursor() as cursor:  # Django's own would begin with SQLite's lock for writing
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
