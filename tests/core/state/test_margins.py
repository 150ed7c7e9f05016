"""Windows with a margin: an upstream that hears of each charge a little later than it was made refuses none of those granted."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from apps.core.state.contract import Completion, Grant, Kind, Refusal, Window
from benchmarks.pool.truth import Counter, TrueWindow
from benchmarks.pool.truth import Kind as TrueKind
from tests.core.state.builders import NOON, POLICY, refused, requests, subject, take, used
from tests.core.state.conftest import NewStore
from tests.factories import make_claim

MARGIN_S = 0.25
GAPS_S = [0.0, 0.1, 0.26, 19.9, 29.9, 59.9, 60.1]
DELAYS_S = [0.0, 0.1, 0.2, 0.249]


def margined(limit: int, period: str = "minute", kind: Kind = "fixed") -> Window:
    return replace(requests(limit, period, kind=kind), margin_s=MARGIN_S)


@pytest.mark.parametrize("runs", ["fixed", "rolling", "bucket"])
@given(
    limit=st.integers(1, 3),
    steps=st.lists(st.tuples(st.sampled_from(GAPS_S), st.sampled_from(DELAYS_S)), min_size=2, max_size=12),
)
@settings(max_examples=300)
async def test_what_is_granted_is_admitted_whenever_it_arrives(
    new_store: NewStore, runs: TrueKind, limit: int, steps: list[tuple[float, float]]
) -> None:
    store, now = new_store(), NOON - 30
    wanted = subject(margined(limit, kind=runs))
    arrivals = []

    for number, (gap_s, delay_s) in enumerate(steps):
        now += gap_s
        if isinstance(await store.acquire(make_claim(wanted, number), now), Grant):
            arrivals.append(now + delay_s)

    upstream = Counter(TrueWindow("requests", limit, 60, runs))
    for at in sorted(arrivals):
        assert upstream.admits(1, at), (arrivals, at)
        upstream.charge(1, at)


@given(
    limit=st.integers(1, 8),
    ahead_s=st.floats(-MARGIN_S * 0.99, MARGIN_S * 0.99),
    gaps=st.lists(st.sampled_from(GAPS_S), min_size=1, max_size=60),
)
@settings(max_examples=200)
async def test_a_clock_that_is_a_little_off_costs_no_refusal(
    new_store: NewStore, limit: int, ahead_s: float, gaps: list[float]
) -> None:
    store, now = new_store(), NOON - 30
    wanted = subject(margined(limit))
    upstream = Counter(TrueWindow("requests", limit, 60, "fixed"))

    for number, gap_s in enumerate(gaps):
        now += gap_s
        if isinstance(await store.acquire(make_claim(wanted, number), now), Grant):
            assert upstream.admits(1, now + ahead_s)
            upstream.charge(1, now + ahead_s)


async def test_a_fixed_window_opens_a_margin_after_its_boundary(new_store: NewStore) -> None:
    store, wanted = new_store(), subject(margined(2))

    await take(store, wanted, NOON + 1)
    await take(store, wanted, NOON + 59.9, claim=1)
    full = await refused(store, wanted, NOON + 60.2, claim=2)

    assert full.retry_at == NOON + 60.25
    await take(store, wanted, NOON + 60.25, claim=3)  # the other one may have come late: it counts here too
    assert isinstance(await store.acquire(make_claim(wanted, 4), NOON + 61), type(full))


async def test_what_is_given_back_at_a_boundary_comes_back_in_both_windows(new_store: NewStore) -> None:
    store, window = new_store(), margined(5)
    grant = await take(store, subject(window), NOON + 59.9)

    await store.complete(grant, Completion(health="neutral", spent={"requests": 0}), POLICY, NOON + 60.0)

    assert await used(store, NOON + 60.1, window) == (0,)
    assert await used(store, NOON + 60.3, window) == (0,)


async def test_what_is_given_back_after_a_boundary_comes_back_in_the_window_that_took_it_over(
    new_store: NewStore,
) -> None:
    store, window = new_store(), margined(5)
    grant = await take(store, subject(window), NOON + 59.9)
    assert await used(store, NOON + 61, window) == (1,)

    await store.complete(grant, Completion(health="neutral", spent={"requests": 0}), POLICY, NOON + 61)

    assert await used(store, NOON + 61, window) == (0,)


async def test_a_rolling_window_gives_back_a_margin_later(new_store: NewStore) -> None:
    store, wanted = new_store(), subject(margined(1, kind="rolling"))

    await take(store, wanted, NOON)

    assert (await refused(store, wanted, NOON + 60.1)).retry_at == NOON + 60.25


async def test_a_second_is_spacing_that_narrows_and_that_a_refusal_widens(new_store: NewStore) -> None:
    store, window = new_store(), margined(1, "second")
    now = NOON
    for number in range(200):
        grant = await take(store, subject(window), now, claim=number)
        await store.complete(grant, Completion(health="success"), POLICY, now)
        now = (await refused(store, subject(window), now, claim=1000 + number)).retry_at
    assert 1.015 < now - grant.at < 1.03  # as near to a second as nothing contradicts

    grant = await take(store, subject(window), now, claim=500)
    await store.complete(grant, Completion(health="neutral", refused=(window.key,)), POLICY, now)

    assert (await refused(store, subject(window), now, claim=501)).retry_at - now > 1.04


async def test_without_a_margin_a_second_is_what_it_says(new_store: NewStore) -> None:
    """A client key's own limit is enforced here: nobody hears of it late."""
    store, wanted = new_store(), subject(requests(1, "second"))

    await take(store, wanted, NOON)

    assert (await refused(store, wanted, NOON + 0.5)).retry_at == NOON + 1


@pytest.mark.parametrize("runs", ["fixed", "rolling", "bucket"])
@given(limit=st.integers(1, 3), gaps=st.lists(st.sampled_from(GAPS_S), min_size=1, max_size=12))
@example(limit=1, gaps=[29.9, 0.0])
@settings(max_examples=100)
async def test_a_retry_at_the_time_that_was_told_succeeds(
    new_store: NewStore, runs: TrueKind, limit: int, gaps: list[float]
) -> None:
    store, now = new_store(), NOON - 30
    wanted = subject(margined(limit, kind=runs))

    for number, gap_s in enumerate(gaps):
        now += gap_s
        answer = await store.acquire(make_claim(wanted, number), now)
        if isinstance(answer, Refusal):
            now = answer.retry_at
            assert isinstance(await store.acquire(make_claim(wanted, 1000 + number), now), Grant)
