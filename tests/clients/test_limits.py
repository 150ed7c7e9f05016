"""The requests-per-minute limit of a client key, against the in-process store."""

import asyncio

import pytest

from apps.clients import limits
from apps.clients.keys import NO_RESTRICTION, Principal
from apps.clients.limits import Allowance, OverLimitError, RateLimit
from apps.clients.windows import CLIENT_TOKENS
from apps.core.state.contract import PastUsage, Window
from apps.core.state.keys import Span, client_key
from apps.core.state.memory import MemoryStore

NOW = 1_893_456_000.0


def minute(limit, client_id=1):
    return Window.of(client_key(1, client_id), Span("requests", "minute"), limit, kind="rolling")


def principal(client_id=1, rpm_limit=3, windows=None):
    if windows is None:
        windows = (minute(rpm_limit, client_id),) if rpm_limit else ()
    return Principal(
        client_id=client_id,
        user_id=1,
        username="alice",
        is_admin=False,
        name="app",
        rpm_limit=rpm_limit,
        allowed_models=NO_RESTRICTION,
        allowed_strategies=NO_RESTRICTION,
        windows=windows,
    )


async def reserve(store, key, now):
    """What is left of the requests."""
    return (await limits.reserve(store, key, now)).requests


class Unreachable:
    def __getattr__(self, name):
        raise AssertionError(f"{name} was called")


async def test_counts_down_to_the_limit_then_refuses_until_a_minute_has_passed():
    store, key = MemoryStore(), principal(rpm_limit=3)

    limits = [await reserve(store, key, NOW) for _ in range(3)]
    with pytest.raises(OverLimitError) as caught:
        await reserve(store, key, NOW + 1)

    assert [(limit.limit, limit.remaining) for limit in limits] == [(3, 2), (3, 1), (3, 0)]
    assert limits[0].reset_s == 60.0
    assert caught.value.window.limit == 3
    assert 0 < caught.value.retry_after_s <= 61
    later = await reserve(store, key, NOW + 1 + caught.value.retry_after_s)
    assert later.remaining >= 0


async def test_no_more_than_the_limit_passes_around_the_turn_of_a_minute():
    store, key = MemoryStore(), principal(rpm_limit=2)
    for _ in range(2):
        await reserve(store, key, NOW + 59)

    with pytest.raises(OverLimitError):
        await reserve(store, key, NOW + 60.5)


class OneCall(MemoryStore):
    """Counts the round trips that a fleet would make."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def __getattribute__(self, name):
        if name in {"acquire", "complete", "view", "take", "tighten"}:
            self.calls += 1
        return super().__getattribute__(name)


async def test_one_call_of_the_store_and_nothing_stays_open():
    store = OneCall()

    await reserve(store, principal(), NOW)

    assert store.calls == 1
    assert await store.open_grants() == 0


async def test_of_several_windows_the_tightest_is_told():
    day = Window.of(client_key(1, 1), Span("requests", "day"), 4)
    key = principal(windows=(minute(2), day))
    store = MemoryStore()

    limits = [await reserve(store, key, NOW + wait) for wait in (0, 1, 120, 121)]

    midnight = 86_400.0  # NOW is one
    assert limits == [
        RateLimit(2, 1, 60.0),
        RateLimit(2, 0, 60.0),
        RateLimit(4, 1, midnight - 120),
        RateLimit(4, 0, midnight - 121),
    ]


async def test_a_refused_request_takes_from_none_of_several_windows():
    day = Window.of(client_key(1, 1), Span("requests", "day"), 2)
    key = principal(windows=(minute(1), day))
    store = MemoryStore()
    await reserve(store, key, NOW)

    for _ in range(5):
        with pytest.raises(OverLimitError) as caught:
            await reserve(store, key, NOW + 1)
        assert caught.value.window == key.windows[0]

    await reserve(store, key, NOW + 120)
    with pytest.raises(OverLimitError) as caught:
        await reserve(store, key, NOW + 240)
    assert caught.value.window == day
    assert caught.value.retry_after_s == 86_400 - 240


async def test_a_window_of_tokens_is_neither_taken_from_nor_told():
    tokens = Window.of(client_key(1, 1), Span("tokens", "day"), 1)
    key = principal(windows=(tokens, minute(2)))
    store = MemoryStore()

    assert [await reserve(store, key, NOW) for _ in range(2)] == [
        RateLimit(2, 1, 60.0),
        RateLimit(2, 0, 60.0),
    ]


async def test_a_refusal_takes_nothing():
    store, key = MemoryStore(), principal(rpm_limit=1)
    await reserve(store, key, NOW)
    for second in range(1, 50):
        with pytest.raises(OverLimitError):
            await reserve(store, key, NOW + second)

    assert (await reserve(store, key, NOW + 62)).remaining == 0


async def test_keys_do_not_share_a_limit():
    store = MemoryStore()
    await reserve(store, principal(client_id=1, rpm_limit=1), NOW)

    assert (await reserve(store, principal(client_id=2, rpm_limit=1), NOW)).remaining == 0


async def used_up(store, window, tokens, now):
    await store.take([window], {CLIENT_TOKENS: tokens}, now)


async def test_what_is_left_of_the_tokens_is_told_and_nothing_taken_of_them():
    day = Window.of(client_key(1, 1), Span(CLIENT_TOKENS, "day"), 100)
    store, key = MemoryStore(), principal(windows=(day, minute(5)))
    await used_up(store, day, 30, NOW)

    allowances = [await limits.reserve(store, key, NOW + 1) for _ in range(2)]

    tokens = RateLimit(100, 70, 86_399.0)
    assert allowances == [Allowance(RateLimit(5, 4, 60.0), tokens), Allowance(RateLimit(5, 3, 60.0), tokens)]


async def test_a_key_over_its_tokens_is_refused_until_midnight_and_loses_no_request():
    day = Window.of(client_key(1, 1), Span(CLIENT_TOKENS, "day"), 100)
    store, key = MemoryStore(), principal(windows=(day, minute(1)))
    await used_up(store, day, 100, NOW)
    await store.restore(past_of(day, 1), NOW)

    for _ in range(3):
        with pytest.raises(OverLimitError) as caught:
            await limits.reserve(store, key, NOW + 60)
        assert (caught.value.window, caught.value.retry_after_s) == (day, 86_340.0)

    assert (await limits.reserve(store, key, NOW + 86_400)).requests.remaining == 0


def past_of(window, tokens):
    async def read(now):
        return [PastUsage((window,), now, {CLIENT_TOKENS: tokens})]

    return read


async def test_concurrent_requests_never_exceed_the_limit():
    store, key = MemoryStore(), principal(rpm_limit=5)

    results = await asyncio.gather(*(reserve(store, key, NOW) for _ in range(20)), return_exceptions=True)

    assert sum(isinstance(result, RateLimit) for result in results) == 5
    assert sum(isinstance(result, OverLimitError) for result in results) == 15


async def test_an_unlimited_key_never_touches_the_store():
    limit = await reserve(Unreachable(), principal(rpm_limit=0), NOW)

    assert limit == RateLimit(limit=0, remaining=0, reset_s=0.0)


async def test_a_raised_limit_counts_what_was_used_before():
    store = MemoryStore()
    await reserve(store, principal(rpm_limit=1), NOW)

    assert (await reserve(store, principal(rpm_limit=10), NOW)).remaining == 8
