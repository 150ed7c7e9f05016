"""How often signing in may be tried: by name and by address, in `/api`, in the admin site and for the set-up code alike.

The counts are rows of the database and not of the cache: whoever can check a password can count the attempt, all processes and hosts count
together in either mode, and a restart forgets nothing. The table cannot grow beyond its buckets: a key is 16 bits of a keyed
digest, so that no list of made-up names fills it, no row tells a name, and nobody can choose whom they collide with.
"""

import hmac
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import ceil

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from apps.accounts.models import AttemptCount
from apps.core import clock
from apps.core.addresses import neighbourhood

WINDOW = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=30)
PER_NAME = 10
PER_ADDRESS = 30
BUCKET_DIGITS = 4


class TooManyAttemptsError(Exception):
    """Signing in is closed for this name or from this address. `retry_after_s`: whole seconds, at least 1."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many attempts to sign in. Try again in {retry_after_s} seconds.")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that was counted: before the password is looked at, so that many at once are not more than the limit."""

    address_key: str
    name_key: str
    known_key: str

    def succeeded(self) -> None:
        """It was right: the name starts anew, the address gets this one back, and both together are known from now on."""
        AttemptCount.objects.filter(key=self.name_key).update(attempts=0)
        AttemptCount.objects.filter(key=self.address_key).update(attempts=Greatest(F("attempts") - 1, 0))
        ends_at = _now() + KNOWN_FOR
        AttemptCount.objects.update_or_create(key=self.known_key, defaults={"ends_at": ends_at})


def begin(name: str, address: str) -> Attempt:
    """Count an attempt to sign in. Raises TooManyAttemptsError.

    A name from an address that it signed in from before has a count of its own: who guesses elsewhere cannot close it to its owner.
    """
    name, address = unicodedata.normalize("NFKC", name).casefold(), neighbourhood(address)
    known_key = _key("known", name, address)
    is_known = AttemptCount.objects.filter(key=known_key, ends_at__gt=_now()).exists()
    name_key = _key("pair", name, address) if is_known else _key("name", name)
    address_key = _key("address", address)
    _count(address_key, PER_ADDRESS)
    _count(name_key, PER_NAME)
    return Attempt(address_key, name_key, known_key)


def forget_ended() -> int:
    """Delete counts whose time is over; how many there were."""
    deleted, _ = AttemptCount.objects.filter(ends_at__lte=_now()).delete()
    return deleted


@transaction.atomic
def _count(key: str, limit: int) -> None:
    """Raises TooManyAttemptsError. An attempt that is refused lengthens nothing."""
    now = _now()
    fresh = {"attempts": 0, "ends_at": now + WINDOW}
    rows = AttemptCount.objects.filter(key=key)
    if not rows.filter(ends_at__lte=now).update(**fresh):
        AttemptCount.objects.bulk_create([AttemptCount(key=key, **fresh)], ignore_conflicts=True)
    if not rows.filter(attempts__lt=limit).update(attempts=F("attempts") + 1):
        ends_at = rows.values_list("ends_at", flat=True).get()
        raise TooManyAttemptsError(max(1, ceil((ends_at - now).total_seconds())))


def _key(kind: str, *parts: str) -> str:
    text = "\0".join([kind, *parts]).encode("utf-8", "surrogatepass")
    digest = hmac.new(settings.SECRET_KEY.encode(), text, sha256).hexdigest()
    return f"{kind}:{digest[:BUCKET_DIGITS]}"


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)
