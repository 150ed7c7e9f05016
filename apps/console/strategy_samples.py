"""Requests of the last hour, to try a strategy on: what strategies read of each is kept for a day, its text never was."""

import zlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from django.contrib.auth.models import User
from django.utils import timezone

from apps.console.decisions import facts_in_words
from apps.console.words import cut, length
from apps.core import roles
from apps.core.ids import least_at
from apps.gateway.attempts.decision import Decision
from apps.gateway.models import RequestDecision
from apps.gateway.traffic.keeping import kept, unpack
from apps.strategies.expression import RequestFacts

WITHIN: Final = timedelta(hours=1)
MOST: Final = 20
LOOKED_AT: Final = 60
GONE: Final = "That request is not kept any more, or was no chat. Choose another one, or a sample text."


class Past(NamedTuple):
    """`own`: its id; `words`: when it was, what was asked for, what strategies read of it."""

    own: str
    words: str


def recent(user: User) -> list[Past]:
    """The newest MOST chats, one's own unless one may see all. One query."""
    now = timezone.now()
    rows = RequestDecision.objects.filter(pk__gte=least_at((now - WITHIN).timestamp())).order_by("-pk")
    if (whose := _whose(user)) is not None:
        rows = rows.filter(user_id=whose)
    return list(_told(rows[:LOOKED_AT], now.timestamp()))[:MOST]


def facts_of(user: User, own: str) -> RequestFacts:
    """What strategies read of the request of that id. Raises LookupError in words: it is not kept, another's, or no chat."""
    try:
        decision = kept(UUID(hex=own), _whose(user))
    except ValueError:
        decision = None
    facts = _facts(decision) if decision else None
    if facts is None:
        raise LookupError(GONE)
    return facts


def _told(rows: Any, now: float) -> Iterator[Past]:
    for row in rows:
        try:
            decision = unpack(bytes(row.body))
        except (ValueError, zlib.error):  # of another version
            continue
        if facts := _facts(decision):
            ago = f"{length(now - (row.pk.int >> 80) / 1000)} ago"
            read = [text for _icon, text in facts_in_words(decision.features)]
            yield Past(row.pk.hex, " · ".join([ago, cut(facts.model or decision.strategy), *read]))


def _facts(decision: Decision) -> RequestFacts | None:
    """None for what was no chat: of other requests strategies read nothing."""
    known = {name: decision.features.get(name) for name in RequestFacts.__struct_fields__}
    try:
        facts = msgspec.convert(known, RequestFacts)
    except msgspec.ValidationError:  # of another version
        return None
    seen: Any = decision.features.get("auto")
    if isinstance(seen, dict) and isinstance(read := seen.get("observation"), dict):
        language, intent = facts.language or read.get("language"), read.get("intent") or facts.intent
        facts = msgspec.structs.replace(facts, language=language, intent=intent)
    return facts if facts.stream is not None else None


def _whose(user: User) -> int | None:
    return None if roles.may(user, "view", "analytics.usageeventrow") else user.pk
