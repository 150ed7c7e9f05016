"""A clock that is put right: nothing is given back, and nothing lasts longer than it was to last from the new time on."""

import pytest

from apps.core.state.contract import Block, Claim, Completion, Kind, Refusal, Report, StateStore, Window
from apps.core.state.keys import Span
from tests.core.state.builders import (
    CREDENTIAL,
    KINDS,
    NOON,
    POLICY,
    attempt,
    finish,
    refused,
    requests,
    standing,
    subject,
    take,
    used,
)

HOUR = 3600
BACK = NOON - HOUR


@pytest.mark.parametrize("runs", KINDS)
async def test_full_window_is_open_again_within_its_length(store: StateStore, runs: Kind) -> None:
    window = requests(1, kind=runs)
    await take(store, subject(window), NOON)

    refusal = await refused(store, subject(window), BACK)

    assert BACK < refusal.retry_at <= BACK + 60
    await take(store, subject(window), refusal.retry_at)


@pytest.mark.parametrize("runs", KINDS)
async def test_what_was_used_stays_used(store: StateStore, runs: Kind) -> None:
    window = requests(10, kind=runs)
    for second in range(3):
        await take(store, subject(window), NOON + second)

    assert await used(store, BACK, window) == (3,)
    assert await used(store, BACK + 59, window) == ((0,) if runs == "bucket" else (3,))


@pytest.mark.parametrize(
    "window", [requests(2, "once"), Window.of(CREDENTIAL, Span("concurrency", "now"), 2)]
)
async def test_what_no_time_ends_stays_used(store: StateStore, window: Window) -> None:
    claim = Claim("a", subject(window), {window.metric: 2})
    await store.acquire(claim, NOON)

    assert await used(store, BACK, window) == (2,)
    assert isinstance(await store.acquire(claim, BACK), Refusal)


async def test_what_was_used_before_the_clock_ran_ahead_still_counts(store: StateStore) -> None:
    window = requests(10, "hour", kind="rolling")
    await take(store, subject(window), BACK - 60)
    await take(store, subject(window), NOON - 120)

    assert await used(store, BACK, window) == (2,)
    assert await used(store, BACK + HOUR - 61, window) == (2,)
    assert await used(store, BACK + HOUR - 60, window) == (1,)


async def test_settlement_of_a_request_from_the_future_is_kept(store: StateStore) -> None:
    window = requests(10, kind="rolling")
    grant = await take(store, subject(window), NOON)

    await finish(store, grant, Completion(health="neutral", spent={"requests": 0}), BACK)

    assert await used(store, BACK, window) == (0,)


async def test_block_lasts_as_long_as_it_was_to_last(store: StateStore) -> None:
    grant = await take(store, subject(), NOON)
    block = Block(CREDENTIAL, NOON + 90, "rate_limited", since=NOON)
    await finish(store, grant, Completion(health="neutral", blocks=(block,)), NOON)

    assert (await standing(store, subject(), BACK)).blocked_until == BACK + 90


async def test_block_from_before_the_clock_ran_ahead_is_left_alone(store: StateStore) -> None:
    grant = await take(store, subject(), BACK - 60)
    block = Block(CREDENTIAL, BACK + 600, "rate_limited", since=BACK - 60)
    await finish(store, grant, Completion(health="neutral", blocks=(block,)), BACK - 60)
    await standing(store, subject(), NOON - 3000)

    assert (await standing(store, subject(), BACK)).blocked_until == BACK + 600


async def test_breaker_is_open_for_its_time_only(store: StateStore) -> None:
    for _ in range(POLICY.threshold):
        await attempt(store, "failure", NOON)

    assert (await standing(store, subject(), BACK)).blocked_until == BACK + POLICY.base_s
    assert (await take(store, subject(), BACK + POLICY.base_s)).trial is True


async def test_trial_is_given_up_after_its_time(store: StateStore) -> None:
    for _ in range(POLICY.threshold):
        await attempt(store, "failure", NOON)
    await take(store, subject(), NOON + POLICY.base_s)

    assert (await refused(store, subject(), BACK)).retry_at <= BACK + 120
    assert (await take(store, subject(), BACK + 120)).trial is True


async def test_what_an_upstream_reported_holds_as_long_as_it_said(store: StateStore) -> None:
    window = requests(10, "day")
    await store.tighten([Report(window, 0, NOON + 30)], NOON)

    assert (await refused(store, subject(window), BACK)).retry_at == BACK + 30


async def test_tells_by_how_much(store: StateStore) -> None:
    told: list[float] = []
    store.on_rewind = told.append
    for now in (NOON, NOON - 1, NOON - 9, NOON, BACK, BACK + 1, BACK + 2):
        await standing(store, subject(), now)

    assert told == [HOUR]
