"""Client keys: issuing, revoking, and the in-memory view that `/v1` checks every request against.

A key is `fai_` and 43 url-safe characters (32 random bytes). Only the SHA-256 of the whole key is stored, so
that no prefix, no SQL and no timing tells anything about it.
"""

import math
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from sys import intern
from typing import Any, Literal, TypedDict, Unpack

from django.contrib.auth.models import AbstractBaseUser, AbstractUser
from django.db import transaction
from django.db.models import Count, Q
from msgspec import Struct, structs

from apps.clients.models import ClientKey, DataUse
from apps.clients.windows import SPANS, windows_of
from apps.core import audit, clock, crypto, snapshot
from apps.core.roles import Flags, is_admin
from apps.core.state.contract import Window

Reason = Literal["missing", "malformed", "unknown", "revoked", "expired", "replaced", "disabled"]

PREFIX = "fai_"
KEY_LENGTH = len(PREFIX) + 43
SECTION = "clients"
# A row is stamped before it commits, and the clocks of hosts differ a little: what is this much older than
# the newest row is read again.
OVERLAP = timedelta(seconds=5)
USER_FIELDS_SEEN = {"username", "is_active", "is_superuser"}
NO_RESTRICTION: frozenset[str] = frozenset()
COLUMNS = (
    *(
        "pk",
        "key_hash",
        "previous_hash",
        "previous_until",
        "name",
        "rpm_limit",
        "rpd_limit",
        "tpm_limit",
        "tpd_limit",
    ),
    *("allowed_models", "allowed_strategies", "allowed_endpoints", "data_use", "weight"),
    *("enabled", "expires_at", "revoked_at", "updated_at"),
    *("user_id", "user__username", "user__is_active", "user__is_superuser"),
)


class InvalidKeyError(Exception):
    """A key that opens nothing. `reason` is for metrics and logs; clients are told one and the same thing."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Principal(Struct, frozen=True, gc=False):
    """Who sent a request, and what they may do. Empty sets allow all; an unlimited key has no `windows`. `no_training`: nothing of theirs
    goes to a provider that may train on it. `weight`: its share beside other keys of the user, where there is not enough for all."""

    client_id: int
    user_id: int
    username: str
    is_admin: bool
    name: str
    rpm_limit: int
    allowed_models: frozenset[str]
    allowed_strategies: frozenset[str]
    windows: tuple[Window, ...]
    allowed_endpoints: frozenset[str] = NO_RESTRICTION
    no_training: bool = False
    weight: float = 1.0


class Record(Principal, frozen=True, gc=False):
    """A principal with the state of its key: why it is closed, if it is; its end in epoch seconds, or inf. `replaced`: the key of before
    a rotation, in its time of grace."""

    closed: Literal["revoked", "disabled"] | None = None
    expires_at: float = math.inf
    replaced: bool = False


class Tally(Struct, frozen=True):
    """What a reload and the database must agree on; if they do not, rows went away or were stamped late."""

    keys: int
    revoked: int
    open: int


class ClientKeys(Struct, frozen=True):
    """All keys by their SHA-256 (32 bytes), and the newest `updated_at` among them."""

    by_digest: Mapping[bytes, Record]
    newest: datetime


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `raw` exists nowhere else: show it once."""

    raw: str = field(repr=False)
    row: ClientKey


def generate() -> str:
    """A new raw key with 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(key: str) -> bytes:
    """SHA-256 of the whole key; its hex is `ClientKey.key_hash`."""
    return sha256(key.encode()).digest()


def assign(row: ClientKey) -> str:
    """Give an unsaved row a new key and return it raw."""
    raw = generate()
    row.key_hash = digest(raw).hex()
    row.key_preview = crypto.preview(raw)
    return raw


class KeyOptions(TypedDict, total=False):
    """What a new key may be given beside its name: the columns of ClientKey. Limits of 0 are none, empty lists allow everything."""

    rpm_limit: int
    rpd_limit: int
    tpm_limit: int
    tpd_limit: int
    weight: float
    expires_at: datetime | None
    allowed_models: list[str]
    allowed_strategies: list[str]
    allowed_endpoints: list[str]
    data_use: str


def issue(user: AbstractBaseUser, name: str, **options: Unpack[KeyOptions]) -> IssuedKey:
    """Store a new key of `user`."""
    row = ClientKey(user_id=user.pk, name=name, **options)
    raw = assign(row)
    with transaction.atomic():
        row.save()
    return IssuedKey(raw, row)


def revoke(row: ClientKey) -> bool:
    """Close a key for good. True for the one caller that did it, False if it was revoked or gone before."""
    now = _now()
    with transaction.atomic():
        won = ClientKey.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now, updated_at=now) == 1
        if won:
            snapshot.announce(SECTION)
            audit.changed(row, revoked_at=(None, now))
    if won:
        row.revoked_at = row.updated_at = now
    return won


def verify(raw: str, now: float) -> Principal:
    """The principal of a key, from memory. `now` in epoch seconds.

    Raises InvalidKeyError; NotLoadedError before the first load, which is no fault of the key.
    """
    if not raw:
        raise InvalidKeyError("missing")
    if len(raw) != KEY_LENGTH or not raw.startswith(PREFIX) or not raw.isascii():
        raise InvalidKeyError("malformed")
    record = CLIENTS.value.by_digest.get(digest(raw))
    if record is None:
        raise InvalidKeyError("unknown")
    if record.closed is not None:
        raise InvalidKeyError(record.closed)
    if now >= record.expires_at:
        raise InvalidKeyError("replaced" if record.replaced else "expired")
    return record


def unrestricted(user: AbstractUser) -> Principal:
    """A user of the admin site or of `/api`, as if with a client key of their own that may do everything."""
    return Principal(
        client_id=0,
        user_id=user.pk,
        username=user.get_username(),
        is_admin=is_admin(user),
        name="",
        rpm_limit=0,
        allowed_models=NO_RESTRICTION,
        allowed_strategies=NO_RESTRICTION,
        windows=(),
    )


def follow_user(
    instance: AbstractBaseUser, created: bool, update_fields: Iterable[str] | None, **_: object
) -> None:
    """Receiver of the user's post_save: principals carry some fields of their users. A login changes none."""
    if created or (update_fields is not None and USER_FIELDS_SEEN.isdisjoint(update_fields)):
        return
    with transaction.atomic():
        if ClientKey.objects.filter(user_id=instance.pk).update(updated_at=_now()):
            snapshot.announce(SECTION)


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


def _load(previous: ClientKeys | None) -> ClientKeys:
    """Changed rows on top of `previous`; everything when that does not add up to what the database counts."""
    if previous is not None:
        counted = _count()
        current = _merge(previous)
        if _tally(current) == counted:
            return current
    return _merge(NO_KEYS)


def _merge(base: ClientKeys) -> ClientKeys:
    """`base` and the rows changed since. A stamp from a clock that is ahead must not hide later ones."""
    by_digest, newest, now = dict(base.by_digest), base.newest, _now()
    changed = ClientKey.objects.filter(updated_at__gte=base.newest - OVERLAP).order_by()
    rotated: dict[bytes, Record] = {}
    for row in changed.values_list(*COLUMNS, named=True).iterator():
        record = by_digest[bytes.fromhex(row.key_hash)] = record_of(row)
        newest = max(newest, min(row.updated_at, now))
        if row.previous_hash:
            rotated[bytes.fromhex(row.key_hash)] = record
            rotated[bytes.fromhex(row.previous_hash)] = _replaced(record, row.previous_until)
    if rotated:
        renewed = {record.client_id for record in rotated.values()}
        by_digest = {key: record for key, record in by_digest.items() if record.client_id not in renewed}
        by_digest |= rotated
    return ClientKeys(by_digest=by_digest, newest=newest)


def record_of(row: Any) -> Record:
    """`row`: a named tuple of COLUMNS."""
    closed: Literal["revoked", "disabled"] | None = None
    if row.revoked_at is not None:
        closed = "revoked"
    elif not (row.enabled and row.user__is_active):
        closed = "disabled"
    return Record(
        client_id=row.pk,
        user_id=row.user_id,
        username=intern(row.user__username),
        is_admin=is_admin(Flags(row.user__is_active, row.user__is_superuser)),
        name=row.name,
        rpm_limit=row.rpm_limit,
        allowed_models=frozenset(row.allowed_models) if row.allowed_models else NO_RESTRICTION,
        allowed_strategies=frozenset(row.allowed_strategies) if row.allowed_strategies else NO_RESTRICTION,
        windows=windows_of(row.user_id, row.pk, {span: getattr(row, name) for name, span in SPANS.items()}),
        allowed_endpoints=frozenset(row.allowed_endpoints) if row.allowed_endpoints else NO_RESTRICTION,
        no_training=row.data_use == DataUse.NO_TRAINING,
        weight=row.weight,
        closed=closed,
        expires_at=math.inf if row.expires_at is None else row.expires_at.timestamp(),
    )


def _replaced(record: Record, until: datetime) -> Record:
    return structs.replace(record, expires_at=min(record.expires_at, until.timestamp()), replaced=True)


def _count() -> Tally:
    is_open = Q(revoked_at__isnull=True, enabled=True, user__is_active=True)
    return Tally(
        **ClientKey.objects.aggregate(
            keys=Count("pk"), revoked=Count("revoked_at"), open=Count("pk", filter=is_open)
        )
    )


def _tally(keys: ClientKeys) -> Tally:
    states = Counter(record.closed for record in keys.by_digest.values() if not record.replaced)
    return Tally(keys=states.total(), revoked=states["revoked"], open=states[None])


NO_KEYS = ClientKeys(by_digest={}, newest=datetime.fromtimestamp(0, UTC))
CLIENTS: snapshot.Section[ClientKeys] = snapshot.Section(SECTION, _load)
