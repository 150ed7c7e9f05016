"""Secrets that a command prints, this once."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import transaction


@contextmanager
def shown_or_not_made(what: str) -> Iterator[None]:
    """Within, a secret is stored and printed: where it cannot be printed it is not stored. Raises CommandError then."""
    try:
        with transaction.atomic():
            yield
    except OSError as error:
        raise CommandError(
            f"The {what} could not be printed ({error.strerror}), so it was not made. Make it where it can be read."
        ) from error
