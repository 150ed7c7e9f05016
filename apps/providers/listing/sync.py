"""Reading a provider's model list, and what it tells of the account, with the key of a credential: when, by whom, and what comes of it.

A list is read when a key is stored, at a button and once a day; each reading takes the credential's `listed_at` first, in one statement,
so that processes that run at the same time read it once.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from django.db import connection
from django.db.models import Q
from msgspec import Struct

from apps.core import clock
from apps.core.crypto import WrongMasterKeyError
from apps.core.redaction import scrub
from apps.providers.destinations import is_elsewhere, why_elsewhere
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.listing import applying
from apps.providers.listing.comparing import Summary
from apps.providers.listing.fetching import fetch_account, fetch_list
from apps.providers.listing.memory import MINUTE, is_due
from apps.providers.listing.reading import Reading, read
from apps.providers.models import Credential, Provider
from apps.providers.presets import PresetError, parse_preset, usable_settings
from apps.providers.probe import HINTS, SANDBOX_SCHEME, stored_offer
from apps.providers.types import Offer

log = structlog.get_logger("freeai.listing")

KEYS_A_RUN: Final = 2
"""How many keys of one provider are read in one run of the schedule: those of many users are spread over the day."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of reading a list: the number of its models and what that changed, or why it could not be read."""

    models_seen: int = 0
    summary: Summary
    error: str = ""


def in_use() -> Iterator[Credential]:
    """The credentials whose lists are read: enabled, with a key where one is needed, at providers that have a list. One query."""
    rows = Credential.objects.filter(enabled=True, provider__enabled=True, provider__retired_on=None)
    rows = rows.exclude(encrypted_key="", provider__requires_key=True).exclude(
        provider__base_url__startswith=SANDBOX_SCHEME
    )
    listing: dict[int, bool] = {}
    for credential in rows.select_related("provider", "user").order_by("listed_at", "pk"):
        if credential.provider_id not in listing:
            listing[credential.provider_id] = has_list(credential.provider)
        if listing[credential.provider_id]:
            yield credential


def has_list(provider: Provider) -> bool:
    try:
        return bool(parse_preset(provider.wire).listing.url)
    except PresetError:
        return False


def due(credentials: Iterable[Credential], now: datetime) -> list[Credential]:
    """Of those, the ones whose turn it is, those that waited longest first and a few of each provider."""
    taken: dict[int, int] = {}
    chosen: list[Credential] = []
    for credential in credentials:
        if is_due(credential, now) and taken.get(credential.provider_id, 0) < KEYS_A_RUN:
            taken[credential.provider_id] = taken.get(credential.provider_id, 0) + 1
            chosen.append(credential)
    return chosen


def claim(credential: Credential, now: datetime, least: timedelta = MINUTE) -> bool:
    """Take the next reading: False where another took it, or the last one began less than `least` ago."""
    rows = Credential.objects.filter(Q(listed_at=None) | Q(listed_at__lte=now - least), pk=credential.pk)
    return rows.update(listed_at=now) == 1


def claim_as_due(credential: Credential, now: datetime) -> bool:
    """Take the reading of a credential that was found due; False where another did since it was loaded."""
    rows = Credential.objects.filter(pk=credential.pk, listed_at=credential.listed_at)
    return rows.update(listed_at=now) == 1


def read_list(credential: Credential, *, check: bool = False) -> Outcome:
    """Read the list and the account with the credential's key, and write what that changes; with `check` write nothing.

    Blocks for as long as the provider's tables allow; never raises for what the provider does. Raises DatabaseError.
    """
    now = now_utc()
    try:
        offer = _offer(credential)
        _let_go()
        fetched = fetch_list(offer)
    except UpstreamError as error:
        words = _words(error)
        if not check:
            applying.note_failure(credential, words, now, is_keys=error.kind is ErrorKind.AUTH)
        log.warning("list.unread", provider=credential.provider.name, credential=credential.pk, error=words)
        return Outcome(summary=Summary(), error=words)
    listing = offer.preset.listing
    reading = read(fetched.pages, listing, is_whole=fetched.is_whole)
    if check:
        changes = applying.compare(credential.provider, credential, reading, listing.covers, now)
        return _outcome(reading, changes.summary)
    summary = applying.apply(credential, reading, listing.covers, now)
    if summary.changes:
        log.info("list.read", provider=credential.provider.name, credential=credential.pk, **_counts(summary))
    _read_account(credential, offer, now)
    return _outcome(reading, summary)


def now_utc() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


def _offer(credential: Credential) -> Offer:
    """What to call with. Raises UpstreamError."""
    provider = credential.provider
    if is_elsewhere(credential):
        raise UpstreamError(ErrorKind.AUTH, why_elsewhere(provider))
    try:
        offer = stored_offer(provider, credential, credential.user_id)
    except WrongMasterKeyError as error:
        raise UpstreamError(ErrorKind.AUTH, "the stored key cannot be read: enter it again") from error
    except PresetError as error:
        raise UpstreamError(ErrorKind.CLIENT_ERROR, "the operator's settings cannot be used") from error
    if missing := [
        name
        for name in offer.preset.settings
        if name not in usable_settings(offer.preset, credential.settings)
    ]:
        raise UpstreamError(ErrorKind.AUTH, f"the provider needs more than the key: set {', '.join(missing)}")
    if _leads_elsewhere(provider, offer.preset.listing.url):
        raise UpstreamError(ErrorKind.CLIENT_ERROR, "its list is not at the operator's address")
    return offer


def _read_account(credential: Credential, offer: Offer, now: datetime) -> None:
    table = offer.preset.account
    if not table.url or _leads_elsewhere(credential.provider, table.url):
        return
    try:
        _let_go()
        document = fetch_account(offer)
    except UpstreamError as error:
        applying.note_account_failure(credential, _words(error))
        return
    applying.apply_account(credential, document, table, now)


def _leads_elsewhere(provider: Provider, url: str) -> bool:
    """Whether an absolute address of the catalogue's would get a key that belongs to a host of the operator's."""
    return "://" in url and provider.base_url != provider.shipped.get("base_url")


def _let_go() -> None:
    """No connection is held while a provider thinks."""
    if not connection.in_atomic_block:
        connection.close()


def _words(error: UpstreamError) -> str:
    hint = HINTS.get(error.kind, "The model list could not be read")
    return f"{hint}: {scrub(error.message)}"


def _outcome(reading: Reading, summary: Summary) -> Outcome:
    return Outcome(models_seen=len(reading.models), summary=summary)


def _counts(summary: Summary) -> dict[str, int]:
    return {name: len(names) for name, names in summary.as_json().items() if names}
