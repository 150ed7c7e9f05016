"""The traffic of a demo instance: requests as a small team makes them, the same in every run."""

import math
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple

from apps.analytics.models import UsageEventRow
from apps.clients.models import ClientKey

REQUESTS_A_DAY: Final = 1_800
ADMIN, OTHER = "mkaya", "jonas"
BATCH: Final = 1_000
SATURDAY: Final = 5
WEEKEND: Final = 0.35
STREAMED: Final = 0.6


class App(NamedTuple):
    """An application: its key, its share of the requests, and what it asks for."""

    name: str
    owner: str
    share: float
    virtual_model: str
    strategy: str
    rpm_limit: int = 0
    allowed: tuple[str, ...] = ()
    expires_in_days: int | None = None


APPS: Final = (
    App("chat-frontend", ADMIN, 44, "freeai-fast", "fastest", 60),
    App("codex-laptop", ADMIN, 22, "freeai-code", "coding", 120, ("freeai-code",), 94),
    App("nightly-evals", OTHER, 14, "freeai-cheap", "cheapest", 20, ("freeai-cheap",)),
    App("n8n", ADMIN, 10, "freeai-auto", "auto", 30, ("freeai-auto", "freeai-fast", "freeai-cheap"), 5),
    App("aider", ADMIN, 5, "freeai-code", "coding", 60, ("freeai-code",)),
    App("claude-code", ADMIN, 3.5, "freeai-code", "coding"),
    App("notebook", OTHER, 1.5, "freeai-reasoning", "reasoning", 10),
)
FAILURES: Final = {
    ("rate_limited", 429): 0.55,
    ("server_error", 503): 0.3,
    ("network", None): 0.1,
    ("content_filtered", 200): 0.05,
}
LOSSES: Final = (0.93, 0.055, 0.015)
"""How likely it is that none, one or two attempts of a request fail."""
LOST: Final = 0.004
"""How likely it is that the last one fails as well."""


class Target(NamedTuple):
    """A model that answers, how fast it usually is, and what a token of it would cost in micro-dollars."""

    provider: str
    model: str
    took_ms: float
    price: float


class Traffic:
    """Who asks, and who may answer."""

    def __init__(
        self, clients: Mapping[str, ClientKey], targets: Sequence[Target], chance: random.Random
    ) -> None:
        self._clients = clients
        self._targets = targets
        self._chance = chance

    def write(self, now: datetime, days: int) -> int:
        """All of it into the ledger; how many events."""
        rows = self._events(now, days)
        count = 0
        while batch := list(islice(rows, BATCH)):
            count += len(UsageEventRow.objects.bulk_create(batch))
        return count

    def _events(self, now: datetime, days: int) -> Iterator[UsageEventRow]:
        """Oldest first: busy by day, quiet by night and on week-ends."""
        for hours_ago in range(days * 24, 0, -1):
            hour = now - timedelta(hours=hours_ago)
            busy = 1.05 + math.sin((hour.hour - 8) / 24 * 2 * math.pi)
            often = round(REQUESTS_A_DAY / 24 * busy * (WEEKEND if hour.weekday() >= SATURDAY else 1.0))
            for seconds in sorted(self._chance.uniform(0, 3600) for _ in range(often)):
                app = self._chance.choices(APPS, [one.share for one in APPS])[0]
                yield from self._request(hour + timedelta(seconds=seconds), app)

    def _request(self, at: datetime, app: App) -> Iterator[UsageEventRow]:
        """Its attempts: some that fail, and the one that answers."""
        chance = self._chance
        request_uuid = _id(at, chance)
        request_id = f"req_{request_uuid.hex}"
        tried = chance.sample(self._targets, k=min(3, len(self._targets)))
        failed = min(chance.choices((0, 1, 2), LOSSES)[0], len(tried) - 1)
        is_lost = chance.random() < LOST
        for position, target in enumerate(tried[: failed + 1], start=1):
            took_ms = target.took_ms * chance.lognormvariate(0, 0.45)
            row = self._attempt(at, app, target, took_ms)
            row.request_id, row.request_uuid, row.fallback_position = request_id, request_uuid, position
            row.is_last = position > failed
            if position <= failed or is_lost:
                _fail(row, chance)
            yield row
            at += timedelta(milliseconds=row.latency_ms or 0)

    def _attempt(self, at: datetime, app: App, target: Target, took_ms: float) -> UsageEventRow:
        """One that went well."""
        chance, client = self._chance, self._clients[app.name]
        stream = chance.random() < STREAMED
        prompt, completion = int(chance.lognormvariate(6.4, 1.1)), int(chance.lognormvariate(5, 0.9))
        return UsageEventRow(
            id=_id(at, chance),
            at=at,
            user_id=client.user_id,
            client_id=client.pk,
            provider=target.provider,
            model=target.model,
            strategy=app.strategy,
            virtual_model=app.virtual_model,
            endpoint="chat",
            stream=stream,
            outcome="success",
            upstream_status=200,
            latency_ms=took_ms,
            ttfb_ms=took_ms * 0.3 if stream else None,
            prompt_tokens=prompt,
            completion_tokens=completion,
            cost_microusd=0,
            saved_microusd=round((prompt + 3 * completion) * target.price),
        )


def _fail(row: UsageEventRow, chance: random.Random) -> None:
    """Make of an attempt one that failed, before any token."""
    row.outcome = "error"
    row.error_kind, row.upstream_status = chance.choices(list(FAILURES), list(FAILURES.values()))[0]
    row.ttfb_ms, row.latency_ms = None, (row.latency_ms or 0) * 0.4
    row.prompt_tokens = row.completion_tokens = row.saved_microusd = row.cost_microusd = 0


def _id(at: datetime, chance: random.Random) -> uuid.UUID:
    """A UUIDv7 of that time."""
    head = int(at.timestamp() * 1000) << 80 | 0x7 << 76 | chance.getrandbits(12) << 64
    return uuid.UUID(int=head | 0x2 << 62 | chance.getrandbits(62))
