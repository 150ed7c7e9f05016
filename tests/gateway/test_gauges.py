"""A scrape costs what its labels cost, however many users share the pool."""

import asyncio

import pytest
from msgspec import structs

from apps.core import clock
from apps.core.state.contract import PastUsage, Window
from apps.core.state.keys import Span, credential_key
from apps.gateway.edge import gauges
from apps.gateway.outlook import quotas
from apps.providers.accounts import Account
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.overrides import Overrides
from apps.providers.quotas import Scheme, account_windows
from apps.providers.types import Secret
from tests.gateway.conftest import Gateway, Limit

NOON = 1_768_478_400.0  # 2026-01-15 12:00 UTC
USERS = 100
MODELS = [f"m{number}" for number in range(5)]
LIMITS = [Limit("requests", "day", 100), Limit("tokens", "week", 1000, each=True)]


@pytest.fixture
def crowd(gateway: Gateway) -> Gateway:
    """A pool of 100 users with one credential and five models each."""
    gateway.add("groq", *MODELS, limits=LIMITS)
    accounts = [
        Account(
            user_id=user,
            provider="groq",
            key=credential_key(user, "groq"),
            secret=Secret("key"),
            windows=account_windows(credential_key(user, "groq"), Scheme.of(LIMITS, ()), Overrides()),
        )
        for user in range(1, USERS + 1)
    ]
    CATALOGUE.value = Catalogue(gateway.providers, accounts, frozenset())
    return gateway


@pytest.fixture
def looks(crowd: Gateway, monkeypatch) -> list[int]:
    """How many windows each look at the store was for."""
    seen: list[int] = []
    read = crowd.runtime.store.read

    async def counted(windows, now):
        seen.append(len(windows))
        return await read(windows, now)

    monkeypatch.setattr(crowd.runtime.store, "read", counted)
    return seen


async def test_the_event_loop_goes_on_while_a_scrape_is_answered(crowd: Gateway, looks):
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    answer = await crowd.client.get("/metrics")
    beside.cancel()

    assert answer.status == 200
    assert sum(looks) == USERS * (1 + len(MODELS))
    assert max(looks) <= quotas.SLICE
    assert turns >= len(looks)


async def test_scrapes_in_a_row_look_once(crowd: Gateway, looks, monkeypatch):
    await crowd.client.get("/metrics")
    first = sum(looks)
    await crowd.client.get("/metrics")

    assert sum(looks) == first

    later = clock.monotonic() + gauges.REFRESH_S + 1
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    await crowd.client.get("/metrics")

    assert sum(looks) == 2 * first


async def test_the_smallest_share_of_all_users_is_told(crowd: Gateway):
    window = day_of(USERS)
    await crowd.runtime.store.take((window,), {"requests": 40}, clock.now())

    text = (await crowd.client.get("/metrics")).body.decode()

    assert 'freeai_quota_remaining_ratio{provider="groq",window="requests/day"} 0.6' in text


def day_of(user: int) -> Window:
    windows = CATALOGUE.value.account_windows(user, "groq")
    return next(window for window in windows if window.limit == 100)


async def test_the_soonest_end_of_all_users_is_told(crowd: Gateway, monkeypatch):
    now = NOON
    monkeypatch.setattr(clock, "now", lambda: now)
    for user, amount in ((1, 30), (2, 60)):
        window = day_of(user)
        await crowd.runtime.store.take((window,), {"requests": amount}, now)
        crowd.runtime.pace.recall([PastUsage((window,), now - 1200, {"requests": amount})], now)
    crowd.runtime.pace.looked(now)

    text = (await crowd.client.get("/metrics")).body.decode()

    told = [line for line in text.splitlines() if line.startswith("freeai_quota_runs_out_seconds{")]
    assert told == ['freeai_quota_runs_out_seconds{provider="groq",window="requests/day"} 2400.0']


async def test_lengths_that_only_a_user_thought_of_share_a_label(gateway: Gateway):
    gateway.add("groq", limits=[Limit("requests", "17minute", 5)])
    own = account_windows("1:groq", Scheme.of((), ()), Overrides({Span("tokens", "13second"): 7}))
    gateway.accounts[0] = structs.replace(gateway.accounts[0], windows=(*gateway.accounts[0].windows, *own))
    CATALOGUE.value = Catalogue(gateway.providers, gateway.accounts, frozenset())

    text = (await gateway.client.get("/metrics")).body.decode()

    told = [line.partition('window="')[2] for line in text.splitlines() if "remaining_ratio{" in line]
    assert told == ['requests/17minute"} 1.0', 'other"} 1.0']


async def test_a_store_that_hangs_delays_a_scrape_by_a_moment_only(crowd: Gateway, monkeypatch):
    monkeypatch.setattr(gauges, "WAIT_S", 0.05)
    hanging = asyncio.Event()

    async def hang(windows, now):
        await hanging.wait()

    monkeypatch.setattr(crowd.runtime.store, "read", hang)

    async with asyncio.timeout(5):
        answer = await crowd.client.get("/metrics")

    assert answer.status == 200
