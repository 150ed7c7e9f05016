"""Limits that providers tell of single accounts: collected in memory as answers come in, written behind, and read with the catalogue.

Whoever reads one calls `EVIDENCE.record`; nothing waits for the database. Only a changed number is written, and that of one window once a
minute at most: a provider that says something else each time must not keep every process reloading its catalogue.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from django.db import transaction

from apps.core import snapshot
from apps.core.state.keys import Span, candidate_key, credential_key, user_of
from apps.core.state.periods import NOW, ONCE, PeriodError, parse
from apps.providers.credentials import SECTION
from apps.providers.errors import ToldLimit
from apps.providers.limits import MAX_LIMIT, METRICS
from apps.providers.models import MAX_MODEL_NAME, Credential, LimitEvidence
from apps.providers.overrides import Told, Voice
from apps.providers.types import Offer

Evidence = Mapping[int, Mapping[str, Mapping[Span, Told]]]
"""By the id of a credential and a model ("" for the account): what was told of each span."""

MAX_WAITING = 2_000
MAX_REMEMBERED = 20_000
MAX_WINDOWS = 500
"""Of one credential: a provider has no more models, and what upstreams say must have an end."""
REWRITE_AFTER_S = 60.0


Key = tuple[str, str, Span]


class Book:
    """What was told and is not written yet. Recorded on an event loop, flushed in a database thread."""

    def __init__(self) -> None:
        self._waiting: dict[Key, Told] = {}
        self._written: dict[Key, Told] = {}

    def record(self, credential: str, model: str, span: Span, limit: int, source: Voice, at: float) -> None:
        """`credential`: the account's state key. `model`: "" for a window of the whole account. What cannot be a limit is ignored."""
        key = (credential, model, span)
        written = self._written.get(key)
        if written is not None and written.limit == limit:
            self._waiting.pop(key, None)
            return
        if not _is_usable(model, span, limit) or (
            key not in self._waiting and len(self._waiting) >= MAX_WAITING
        ):
            return
        self._waiting[key] = Told(limit, source, at)

    def due(self, now: float) -> bool:
        """Whether a flush would write anything."""
        return any(self._is_due(key, now) for key in tuple(self._waiting))

    def flush(self, now: float) -> int:
        """Write what changed, and announce it. Returns how many rows. Raises DatabaseError; nothing is lost then."""
        due = {key: told for key, told in tuple(self._waiting.items()) if self._is_due(key, now)}
        if not due:
            return 0
        count = _write(due)
        if len(self._written) > MAX_REMEMBERED:
            self._written = {}
        for key, told in due.items():
            self._written[key] = told
            if self._waiting.get(key) is told:
                del self._waiting[key]
        return count

    def clear(self) -> None:
        """Forget everything, as a process that has just started."""
        self._waiting.clear()
        self._written.clear()

    def _is_due(self, key: Key, now: float) -> bool:
        written = self._written.get(key)
        return written is None or not 0 <= now - written.at < REWRITE_AFTER_S


EVIDENCE: Final = Book()


def record_told(offer: Offer, told: Iterable[ToldLimit], source: Voice, at: float) -> None:
    """What an answer to a call of `offer` said. Of a model that nobody lists nothing is kept: its name is the client's."""
    subject = offer.subject
    is_listed = subject.candidate == candidate_key(subject.credential, offer.model)
    for span, limit, scope in told:
        if scope == "account":
            EVIDENCE.record(subject.credential, "", span, limit, source, at)
        elif is_listed:
            EVIDENCE.record(subject.credential, offer.model, span, limit, source, at)


def load_evidence() -> Evidence:
    """All that was told, in one query. Raises DatabaseError."""
    told: dict[int, dict[str, dict[Span, Told]]] = defaultdict(lambda: defaultdict(dict))
    for row in LimitEvidence.objects.order_by():
        if _is_usable(row.model, span := Span(row.metric, row.period), row.limit):
            told[row.credential_id][row.model][span] = _told(row)
    return told


def told_of(credential: Credential) -> Mapping[str, Mapping[Span, Told]]:
    """What was told of one credential. Raises DatabaseError."""
    told: dict[str, dict[Span, Told]] = defaultdict(dict)
    for row in credential.evidence.all():
        if _is_usable(row.model, span := Span(row.metric, row.period), row.limit):
            told[row.model][span] = _told(row)
    return told


def _told(row: LimitEvidence) -> Told:
    return Told(row.limit, cast(Voice, row.source), row.at.timestamp())


def _is_usable(model: str, span: Span, limit: int) -> bool:
    if len(model) > MAX_MODEL_NAME or span.metric not in METRICS or not 0 < limit <= MAX_LIMIT:
        return False
    if span.period in (ONCE, NOW):
        return True
    try:
        parse(span.period)
    except PeriodError:
        return False
    return True


@transaction.atomic
def _write(told: Mapping[Key, Told]) -> int:
    """What differs from the rows. Credentials that are gone have no evidence."""
    ids = _credential_ids({credential for credential, _, _ in told})
    rows = {
        (row.credential_id, row.model, Span(row.metric, row.period)): row
        for row in LimitEvidence.objects.filter(credential__in=ids.values())
    }
    counts: dict[int, int] = defaultdict(int)
    for credential_id, _, _ in rows:
        counts[credential_id] += 1
    changed: list[LimitEvidence] = []
    for (credential, model, span), one in told.items():
        if credential not in ids:
            continue
        credential_id = ids[credential]
        row = rows.get((credential_id, model, span))
        if row is None:
            if counts[credential_id] >= MAX_WINDOWS:
                continue
            counts[credential_id] += 1
            row = LimitEvidence(
                credential_id=credential_id, model=model, metric=span.metric, period=span.period
            )
        elif row.limit == one.limit:
            continue
        row.limit, row.source, row.at = one.limit, one.source, datetime.fromtimestamp(one.at, UTC)
        changed.append(row)
    LimitEvidence.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["credential", "model", "metric", "period"],
        update_fields=["limit", "source", "at"],
    )
    if changed:
        snapshot.announce(SECTION)
    return len(changed)


def _credential_ids(keys: Iterable[str]) -> dict[str, int]:
    wanted = set(keys)
    users = {user_of(key) for key in wanted}
    rows = Credential.objects.filter(user__in=users).values_list("pk", "user_id", "provider__name")
    found = {credential_key(user, provider): pk for pk, user, provider in rows}
    return {key: found[key] for key in wanted & found.keys()}
