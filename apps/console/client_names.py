"""What the keys of requests are called, on every page alike."""

from collections.abc import Iterable
from typing import Final

from apps.clients.models import ClientKey

PLAYGROUND: Final = 0
"""The client id of requests without any key: those that the playground sends under a session."""


def names_of(client_ids: Iterable[int | None]) -> dict[int, str]:
    """Of those that there are. One query, and none where no id is a key's."""
    keys = {one for one in client_ids if one}
    return dict(ClientKey.objects.filter(pk__in=keys).values_list("pk", "name")) if keys else {}


def called(client_id: int | None, names: dict[int, str]) -> str:
    """ "" where nothing is known of it."""
    if client_id is None:
        return ""
    return names.get(client_id, f"#{client_id}, deleted") if client_id != PLAYGROUND else "playground"
