"""Short names for what the tests of the state stores put in and read out."""

from collections.abc import Iterable
from datetime import datetime
from typing import get_args
from zoneinfo import ZoneInfo

from apps.core.state.contract import (
    Amounts,
    BreakerPolicy,
    Completion,
    Grant,
    Health,
    Kind,
    PastUsage,
    ReadPast,
    Refusal,
    Standing,
    StateStore,
    Subject,
    Window,
)
from apps.core.state.keys import Span
from apps.core.state.periods import Period
from tests.factories import make_claim

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=ZoneInfo("UTC")).timestamp()
KINDS: tuple[Kind, ...] = get_args(Kind)
POLICY = BreakerPolicy(threshold=3, window_s=300.0, base_s=30.0, max_s=3600.0)
CREDENTIAL = "groq-1"
CANDIDATE = "groq-1|llama"

SUCCESS = Completion(health="success")
FAILURE = Completion(health="failure")
NEUTRAL = Completion(health="neutral")


def at(text: str, zone: str = "UTC") -> float:
    """Epoch seconds of a local time such as "2026-03-08 02:30"."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def requests(limit: int, period: Period = "minute", *, kind: Kind = "fixed", zone: str = "UTC") -> Window:
    return Window.of(CREDENTIAL, Span("requests", period), limit, kind=kind, zone=zone)


def tokens(limit: int, period: Period = "minute", *, kind: Kind = "fixed", zone: str = "UTC") -> Window:
    return Window.of(CREDENTIAL, Span("tokens", period), limit, kind=kind, zone=zone)


def subject(*windows: Window, candidate: str = CANDIDATE) -> Subject:
    return Subject(CREDENTIAL, candidate, windows)


def spent(tokens: int, requests: int = 1) -> Amounts:
    return {"requests": requests, "tokens": tokens}


async def take(store: StateStore, wanted: Subject, now: float, claim: int = 0) -> Grant:
    """Acquire what must be granted."""
    answer = await store.acquire(make_claim(wanted, claim), now)
    assert isinstance(answer, Grant), answer
    return answer


async def refused(store: StateStore, wanted: Subject, now: float, claim: int = 0) -> Refusal:
    """Acquire what must be refused."""
    answer = await store.acquire(make_claim(wanted, claim), now)
    assert isinstance(answer, Refusal), answer
    return answer


def reading(past: Iterable[PastUsage]) -> ReadPast:
    """What a store is restored from: `past`, whatever the time."""

    async def read(_now: float) -> Iterable[PastUsage]:
        return past

    return read


async def standing(store: StateStore, wanted: Subject, now: float) -> Standing:
    return (await store.view([wanted], now))[0]


async def used(store: StateStore, now: float, *windows: Window) -> tuple[int, ...]:
    return (await standing(store, subject(*windows), now)).used


async def finish(
    store: StateStore, grant: Grant, completion: Completion, now: float, policy: BreakerPolicy = POLICY
) -> bool:
    """Complete, and wait until it is known what came of it. Returns whether it opened the breaker."""
    opened: list[str] = []
    store.on_trip = opened.append
    await store.complete(grant, completion, policy, now)
    await store.open_grants()  # calls take effect in their order
    assert opened in ([], [grant.claim.subject.credential])
    return bool(opened)


async def attempt(store: StateStore, health: Health, now: float, wanted: Subject | None = None) -> bool:
    """One whole attempt at one instant. Returns whether it opened the breaker."""
    grant = await take(store, wanted or subject(), now)
    return await finish(store, grant, Completion(health=health), now)
