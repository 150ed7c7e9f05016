"""Client keys as their list shows them: what is left of each, what it may use, how it stands."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal

from asgiref.sync import async_to_sync
from django.db.models import QuerySet
from django.utils import timezone
from msgspec import Struct

from apps.clients.models import ClientKey
from apps.clients.windows import SPANS, windows_of
from apps.console.pool import Pill
from apps.console.readings import Left
from apps.core import clock
from apps.core.state.contract import Subject
from apps.core.state.keys import client_key
from apps.gateway import runtime

Shown = Literal["active", "look", "closed"]
SHOWN: Final[Mapping[Shown, str]] = {
    "active": "Active",
    "look": "Need a look",
    "closed": "Revoked and expired",
}
MOST: Final = 1000
SOON: Final = timedelta(days=7)
ACTIVE: Final = Pill("ok", "check", "Active", 3)
AT_LIMIT: Final = Pill("warn", "alert", "At its limit", 1)
EXPIRES_SOON: Final = Pill("warn", "alert", "Expires soon", 1)
DISABLED: Final = Pill("", "pause", "Disabled", 2)
EXPIRED: Final = Pill("", "clock", "Expired", 4)
REVOKED: Final = Pill("", "x", "Revoked", 5)
CLOSED: Final = (EXPIRED, REVOKED)


class Row(Struct, frozen=True):
    """One key. `left`: of its tightest window; None without limits, or where no gateway runs in this process."""

    key: ClientKey
    pill: Pill
    left: Left | None

    @property
    def is_open(self) -> bool:
        """Whether it can still be rotated and revoked."""
        return self.pill not in CLOSED

    @property
    def may_use(self) -> list[str]:
        """What it is restricted to; nothing where it may use all."""
        key = self.key
        return [*key.allowed_models, *key.allowed_strategies, *key.allowed_endpoints]


def rows_of(keys: QuerySet[ClientKey]) -> list[Row]:
    """The newest MOST of them, open ones first: one query, and one round trip of the state store."""
    found = list(keys.select_related("user").order_by("-created_at")[:MOST])
    left = _left(found)
    rows = [Row(key, pill_of(key, left.get(key.pk)), left.get(key.pk)) for key in found]
    return sorted(rows, key=lambda row: row.pill in CLOSED)


def choose(rows: Sequence[Row], shown: str, words: str) -> tuple[Shown, list[Row], dict[Shown, int]]:
    """The rows of one kind that go by some words, and how many there are of each kind."""
    groups: dict[Shown, list[Row]] = {
        "active": [row for row in rows if row.is_open],
        "look": [row for row in rows if row.pill in (AT_LIMIT, EXPIRES_SOON, DISABLED)],
        "closed": [row for row in rows if not row.is_open],
    }
    name: Shown = next((each for each in SHOWN if each == shown), "active")
    wanted = words.strip().lower()
    found = [row for row in groups[name] if wanted in _words(row.key)]
    return name, found, {each: len(group) for each, group in groups.items()}


def pill_of(key: ClientKey, left: Left | None) -> Pill:
    """What the key check would say, and what somebody should look at."""
    now = timezone.now()
    if key.revoked_at is not None:
        return REVOKED
    if key.expires_at is not None and key.expires_at <= now:
        return EXPIRED
    if not (key.enabled and key.user.is_active):
        return DISABLED
    if left is not None and not left.left:
        return AT_LIMIT
    return EXPIRES_SOON if key.expires_at is not None and key.expires_at < now + SOON else ACTIVE


def _words(key: ClientKey) -> str:
    return f"{key.name} {key.user.get_username()} {key.key_preview}".lower()


def _left(keys: Sequence[ClientKey]) -> dict[int, Left]:
    """Of the tightest window of each key."""
    windows = {
        key.pk: windows_of(
            key.user_id, key.pk, {span: getattr(key, column) for column, span in SPANS.items()}
        )
        for key in keys
    }
    limited = [key for key in keys if windows[key.pk]]
    if not (limited and runtime.is_running()):
        return {}
    scopes = {key.pk: client_key(key.user_id, key.pk) for key in limited}
    subjects = [Subject(scopes[key.pk], scopes[key.pk], windows[key.pk]) for key in limited]
    standings = async_to_sync(runtime.current().store.view)(subjects, clock.now())
    return {
        key.pk: min(
            (Left(window, used) for window, used in zip(windows[key.pk], standing.used, strict=True)),
            key=lambda left: left.left / left.window.limit,
        )
        for key, standing in zip(limited, standings, strict=True)
    }
