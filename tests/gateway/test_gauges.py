"""A scrape costs what its labels cost, however many users share the pool."""

import asyncio

import pytest

from apps.core import clock
from apps.core.state.keys import credential_key
from apps.gateway.edge import gauges
from apps.providers.accounts import Account
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.quotas import Overrides, account_windows
from apps.providers.types import Secret
from tests.gateway.conftest import Gateway, Limit

USERS = 100
MODELS = [f"m{number}" for number in range(5)]
LIMITS = [Limit("requests", "day", 100)]


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
            windows=account_windows(credential_key(user, "groq"), LIMITS, (), Overrides()),
        )
        for user in range(1, USERS + 1)
    ]
    CATALOGUE.value = Catalogue(gateway.providers, accounts, frozenset())
    return gateway


@pytest.fixture
def looks(crowd: Gateway, monkeypatch) -> list[int]:
    """How many candidates each look at the store was for."""
    seen: list[int] = []
    view = crowd.runtime.store.view

    async def counted(subjects, now):
        seen.append(len(subjects))
        return await view(subjects, now)

    monkeypatch.setattr(crowd.runtime.store, "view", counted)
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
    assert sum(looks) == USERS * len(MODELS)
    assert max(looks) <= gauges.SLICE
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
    offer = next(offer for offer in CATALOGUE.value.all_offers() if offer.user_id == USERS)
    window = next(window for window in offer.subject.windows if window.limit == 100)
    await crowd.runtime.store.take((window,), {"requests": 40}, clock.now())

    text = (await crowd.client.get("/metrics")).body.decode()

    assert 'freeai_quota_remaining_ratio{provider="groq",window="requests/day"} 0.6' in text


async def test_a_store_that_hangs_delays_a_scrape_by_a_moment_only(crowd: Gateway, monkeypatch):
    monkeypatch.setattr(gauges, "WAIT_S", 0.05)
    hanging = asyncio.Event()

    async def hang(subjects, now):
        await hanging.wait()

    monkeypatch.setattr(crowd.runtime.store, "view", hang)

    async with asyncio.timeout(5):
        answer = await crowd.client.get("/metrics")

    assert answer.status == 200
