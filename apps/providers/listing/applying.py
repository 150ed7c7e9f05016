"""Writing what a list changes: one transaction, one announcement, and nothing where nothing moved but the time."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from apps.core.json_types import JSONObject
from apps.core.models import SnapshotVersion
from apps.core.snapshot import announce
from apps.providers.credentials import SECTION
from apps.providers.listing import account
from apps.providers.listing.comparing import Changes, Summary
from apps.providers.listing.memory import after_failure, after_success, memory_of
from apps.providers.listing.reading import Reading
from apps.providers.listing.tables import AccountTable
from apps.providers.listing.wanting import DEFAULTS
from apps.providers.models import Credential, Provider, ProviderModel

SEEN_AGAIN: Final = timedelta(hours=1)
"""What was seen so lately needs no new time in its row: keys of one provider are read one after the other."""
MAX_ERROR: Final = 300


def compare(
    provider: Provider, credential: Credential, reading: Reading, covers: frozenset[str], now: datetime
) -> Changes:
    """What the list changes: two queries, and nothing written. Raises DatabaseError."""
    rows = ProviderModel.objects.filter(provider=provider)
    others = Credential.objects.filter(provider=provider, enabled=True).exclude(pk=credential.pk)
    others = others.exclude(encrypted_key="", provider__requires_key=True)
    return Changes(provider, rows, reading, memory_of(credential, others, now), covers, now)


@transaction.atomic
def apply(asked: Credential, reading: Reading, covers: frozenset[str], now: datetime) -> Summary:
    """Write what the list changes. Lists that are read at the same time wait for each other. Raises DatabaseError.

    What was told to a key that is gone meanwhile, or at another address, changes nothing.
    """
    SnapshotVersion.objects.select_for_update().get_or_create(section=SECTION)
    credential = _locked(asked)
    if credential is None:
        return Summary(doubts=["The key or the address was changed meanwhile."])
    changes = compare(credential.provider, credential, reading, covers, now)
    _write(changes, now)
    withheld = credential.withheld if changes.withheld is None else changes.withheld
    told = after_success(
        credential,
        len(reading.models),
        is_doubtful=changes.is_doubtful,
        is_short=changes.is_short,
        now=now,
    )
    Credential.objects.filter(pk=credential.pk).update(
        withheld=withheld, account_facts=_with(credential, "list", told)
    )
    doubt = " ".join(changes.summary.doubts)[:MAX_ERROR]
    Provider.objects.filter(pk=credential.provider_id).update(listed_at=now, list_error=doubt)
    if not changes.is_empty or withheld != credential.withheld:
        announce(SECTION)
    return changes.summary


@transaction.atomic
def note_failure(asked: Credential, error: str, now: datetime, *, is_keys: bool) -> None:
    """The list could not be read; `is_keys`: because of the key, which says nothing of the provider."""
    credential = _locked(asked)
    if credential is None:
        return
    told = after_failure(credential, error[:MAX_ERROR], now)
    Credential.objects.filter(pk=credential.pk).update(account_facts=_with(credential, "list", told))
    if not is_keys:
        Provider.objects.filter(pk=credential.provider_id).update(list_error=error[:MAX_ERROR])


@transaction.atomic
def apply_account(asked: Credential, document: Any, table: AccountTable, now: datetime) -> None:
    """Keep what the provider told of the account. Raises DatabaseError."""
    credential = _locked(asked)
    if credential is None:
        return
    told: JSONObject = {"read_at": now.isoformat(), "facts": account.told_facts(document, table), "error": ""}
    Credential.objects.filter(pk=credential.pk).update(account_facts=_with(credential, "account", told))
    if account.record(credential, account.told_limits(document, table), now):
        announce(SECTION)


@transaction.atomic
def note_account_failure(asked: Credential, error: str) -> None:
    """What was told before stays, with its time."""
    credential = _locked(asked)
    if credential is None:
        return
    last = credential.account_facts.get("account") or {}
    told = last | {"error": error[:MAX_ERROR]}
    Credential.objects.filter(pk=credential.pk).update(account_facts=_with(credential, "account", told))


def _locked(asked: Credential) -> Credential | None:
    """The row as it is now, if it is still what was `asked` with: the same key and settings, at the same address. A key that was only
    encrypted anew counts as another; its list is read again."""
    rows = Credential.objects.select_for_update(of=("self",)).select_related("provider")
    row = rows.filter(pk=asked.pk).first()
    return row if row is not None and _called_with(row) == _called_with(asked) else None


def _called_with(credential: Credential) -> tuple[object, ...]:
    provider = credential.provider
    return credential.encrypted_key, credential.settings, provider.base_url, provider.wire


def _with(credential: Credential, name: str, part: JSONObject) -> JSONObject:
    facts = credential.account_facts if isinstance(credential.account_facts, dict) else {}
    return facts | {name: part}


def _write(changes: Changes, now: datetime) -> None:
    rows = ProviderModel.objects
    rows.bulk_create(changes.new)
    for row in changes.changed:
        row.updated_at = timezone.now()  # bulk_update leaves auto_now alone
    if changes.changed:
        rows.bulk_update(changes.changed, [*DEFAULTS, "listed", "inferred", "vanished_at", "updated_at"])
    stale = [row.pk for row in changes.seen if row.seen_at is None or now - row.seen_at >= SEEN_AGAIN]
    if stale:
        rows.filter(pk__in=stale).update(seen_at=now)
