"""Client keys as a query names them. The ledger knows their numbers."""

from typing import Final

from django.db.models import Q

from apps.clients.models import ClientKey
from apps.core.queries import Query

MOST_CLIENTS: Final = 1000


def clients_named(query: Query, user_id: int | None) -> tuple[int, ...] | None:
    """The client keys that are meant by `client`, by name or hash, revoked ones too; None where none is named."""
    named = query.texts("client")
    if not named:
        return None
    rows = ClientKey.objects.filter(Q(name__in=named) | Q(key_hash__in=named))
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    found = tuple(rows.order_by("pk").values_list("pk", flat=True)[:MOST_CLIENTS])
    if not found:
        query.refuse("client", "There is no client key of this name or hash.")
    return found
