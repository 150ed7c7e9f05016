"""Provider keys that lie in the environment: told at the first start, and later only where there are new ones. None is taken unasked."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from msgspec import Struct

from apps.providers.key_import import find_new

TOLD = "told_keys"
"""A file of the data directory with the variables that were told of, one a line."""


class KeyOffer(Struct, frozen=True):
    """A provider, and the variable that holds a key for it."""

    provider: str
    variable: str


class News(Struct, frozen=True):
    """What was not told yet. `first`: nothing was ever told here."""

    offers: tuple[KeyOffer, ...]
    first: bool


def news() -> News:
    """Raises DatabaseError."""
    owner = User.objects.filter(is_superuser=True).order_by("pk").first()
    told = _told()
    found = find_new(owner, os.environ) if owner is not None else []
    new = (KeyOffer(one.provider.name, one.variable) for one in found if one.variable not in (told or ()))
    return News(tuple(new), told is None)


def remember(offers: Iterable[KeyOffer]) -> None:
    """They were told. Where that cannot be written they are told again."""
    names = (_told() or set()) | {offer.variable for offer in offers}
    with suppress(OSError):
        _path().write_text("".join(f"{name}\n" for name in sorted(names)))


def _told() -> set[str] | None:
    """None where nothing ever was."""
    try:
        return set(_path().read_text(errors="replace").split())
    except OSError:
        return None


def _path() -> Path:
    return Path(settings.DATA_DIR) / TOLD
