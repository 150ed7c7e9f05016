"""Which client key a command is for."""

import re
from collections.abc import Iterator

from django.core.management.base import CommandError
from django.db.models import Q, QuerySet

from apps.clients.models import ClientKey

NOT_FOUND = 3
AMBIGUOUS = 4
NAMING = "its key_hash or the beginning of it, its preview (fai_***abc) or its name"
HASH = re.compile(r"[0-9a-fA-F]{6,64}")
MOST_LISTED = 100


def named_key(text: str) -> ClientKey:
    """The one key that is meant: by hash, else by preview, else by name; of several those that still open. Raises CommandError."""
    for fitting in _readings(text):
        chosen = list(fitting.filter(revoked_at=None)[:MOST_LISTED]) or list(fitting[:1])
        if len(chosen) > 1:
            hashes = "\n".join(f"  {row.key_hash}  {row.name}" for row in chosen)
            raise CommandError(f"Several keys are meant; give one hash:\n{hashes}", returncode=AMBIGUOUS)
        if chosen:
            return chosen[0]
    raise CommandError("There is no such client key.", returncode=NOT_FOUND)


def _readings(text: str) -> Iterator[QuerySet[ClientKey]]:
    rows = ClientKey.objects.all()
    if HASH.fullmatch(text):
        yield rows.filter(Q(key_hash__startswith=text.lower()) | Q(previous_hash__startswith=text.lower()))
    yield rows.filter(key_preview=text)
    yield rows.filter(name=text)
