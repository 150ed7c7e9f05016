"""As if a client key had sent it: for those who ask what would become of a request of its."""

import re
from typing import Final, Protocol

from django.db.models import Q
from django.utils import timezone

from apps.clients.keys import COLUMNS, Principal, record_of
from apps.clients.models import ClientKey
from apps.core import clock, roles

HASH: Final = re.compile(r"[0-9a-f]{64}")


class Asker(roles.User, Protocol):
    """A user with an id."""

    @property
    def pk(self) -> int: ...


class ClosedKeyError(Exception):
    """The key opens nothing; the text says why, in a sentence."""


def seen_by(asker: Asker, key_hash: str) -> ClientKey | None:
    """The key of that hash, or that had it until a rotation whose grace has not ended: one's own, or anybody's for those who may see them.
    Revoked ones are gone."""
    rotated = Q(previous_hash=key_hash, previous_until__gt=timezone.now())
    rows = ClientKey.objects.filter(Q(key_hash=key_hash) | rotated, revoked_at=None)
    if not roles.may(asker, "view", "clients.clientkey"):
        rows = rows.filter(user=asker.pk)
    return rows.first()


def principal_of(key: ClientKey) -> Principal:
    """Who a request with the key would come from, by the database. Raises ClosedKeyError."""
    record = record_of(ClientKey.objects.filter(pk=key.pk).values_list(*COLUMNS, named=True).get())
    why = {None: "", "disabled": "it or its user is disabled", "revoked": "it is revoked"}[record.closed]
    if not why and clock.now() >= record.expires_at:
        why = "it has expired"
    if why:
        raise ClosedKeyError(f"This client key opens nothing: {why}.")
    return record
