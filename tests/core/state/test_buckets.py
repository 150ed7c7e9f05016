"""Windows that refill continuously."""

import pytest

from apps.core.state.contract import Claim, Completion, Grant, PastUsage, Refusal, Report, StateStore
from apps.core.state.periods import UNITS, Period, seconds
from tests.core.state.builders import (
    NOON,
    SUCCESS,
    finish,
    reading,
    refused,
    requests,
    spent,
    subject,
    take,
    tokens,
    used,
)
from tests.factories import make_claim

MINUTE = tokens(60, kind="bucket")  # one comes back a second


async def test_is_full_at_once_and_comes_back_one_by_one(store: StateStore) -> None:
    await take(store, subject(MINUTE), NOON, claim=60)

    assert (await refused(store, subject(MINUTE), NOON, claim=1)).retry_at == pytest.approx(NOON + 1)
    assert await used(store, NOON + 0.5, MINUTE) == (60,)
    assert await used(store, NOON + 1, MINUTE) == (59,)
    assert await used(store, NOON + 59.5, MINUTE) == (1,)
    assert await used(store, NOON + 60, MINUTE) == (0,)
    await take(store, subject(MINUTE), NOON + 60, claim=60)


@pytest.mark.parametrize("period", [*UNITS, "90second", "5hour", "2week"])
@pytest.mark.parametrize("limit", [1, 7, 1000, 10**9, 10**15])
async def test_retry_at_is_when_enough_has_come_back(store: StateStore, period: Period, limit: int) -> None:
    window = tokens(limit, period, kind="bucket")
    wanted = max(limit // 3, 1)
    await take(store, subject(window), NOON + 0.3, claim=limit)

    refusal = await refused(store, subject(window), NOON + 0.4, claim=wanted)

    assert refusal.retry_at == pytest.approx(NOON + 0.3 + seconds(period) * wanted / limit, abs=1e-5)
    await take(store, subject(window), refusal.retry_at, claim=wanted)


async def test_admits_its_limit_and_what_comes_back_over_any_time(store: StateStore) -> None:
    window = requests(10, kind="bucket")
    granted = 0
    for tenth in range(6000):
        granted += not isinstance(
            await store.acquire(make_claim(subject(window)), NOON + tenth / 10), Refusal
        )

    assert granted == 10 + 99


async def test_correction_moves_what_is_taken(store: StateStore) -> None:
    more = await take(store, subject(MINUTE), NOON, claim=10)
    less = await take(store, subject(MINUTE), NOON, claim=30)

    await finish(store, more, Completion(health="success", spent=spent(25)), NOON)
    await finish(store, less, Completion(health="success", spent=spent(5)), NOON)

    assert await used(store, NOON, MINUTE) == (30,)
    assert await used(store, NOON + 10, MINUTE) == (20,)


async def test_what_is_given_back_never_makes_it_more_than_full(store: StateStore) -> None:
    grant = await take(store, subject(MINUTE), NOON, claim=50)

    await finish(store, grant, Completion(health="success", spent=spent(0)), NOON + 30)

    assert await used(store, NOON + 30, MINUTE) == (0,)
    await take(store, subject(MINUTE), NOON + 30, claim=60)
    await refused(store, subject(MINUTE), NOON + 30, claim=1)


async def test_follows_an_edited_limit(store: StateStore) -> None:
    await take(store, subject(MINUTE), NOON, claim=60)
    twice = tokens(120, kind="bucket")

    assert await used(store, NOON + 10, twice) == (40,)
    await take(store, subject(twice), NOON + 10, claim=80)


async def test_without_a_limit_it_counts_for_a_period(store: StateStore) -> None:
    window = requests(0, kind="bucket")
    for second in range(3):
        await finish(store, await take(store, subject(window), NOON + second), SUCCESS, NOON + second)

    assert await used(store, NOON + 59, window) == (3,)
    assert await used(store, NOON + 60, window) == (0,)


async def test_is_restored_as_if_it_had_been_full_before(store: StateStore) -> None:
    past = [PastUsage((MINUTE,), NOON - age, spent(20)) for age in (0, 10, 40)]

    await store.restore(reading(past), NOON)

    assert await used(store, NOON, MINUTE) == (30,)


async def test_is_restored_to_its_limit_at_most(store: StateStore) -> None:
    await store.restore(reading([PastUsage((MINUTE,), NOON, spent(5000))]), NOON)

    assert await used(store, NOON, MINUTE) == (60,)


async def test_a_report_moves_what_is_taken_and_that_comes_back_as_ever(store: StateStore) -> None:
    await take(store, subject(MINUTE), NOON, claim=10)

    await store.tighten([Report(MINUTE, 20, NOON + 3600)], NOON)

    assert await used(store, NOON, MINUTE) == (40,)
    assert await used(store, NOON + 30, MINUTE) == (10,)


async def test_a_report_of_a_little_more_is_what_is_on_its_way(store: StateStore) -> None:
    await take(store, subject(MINUTE), NOON, claim=10)

    await store.tighten([Report(MINUTE, 47)], NOON)

    assert await used(store, NOON, MINUTE) == (10,)


async def test_a_report_of_nothing_left_is_believed_to_the_last(store: StateStore) -> None:
    await take(store, subject(MINUTE), NOON, claim=59)

    await store.tighten([Report(MINUTE, 0)], NOON)

    assert (await refused(store, subject(MINUTE), NOON, claim=1)).retry_at == pytest.approx(NOON + 1)


async def test_what_a_report_added_later_ones_take_away_and_never_more(store: StateStore) -> None:
    """An answer that turned out long is in the report, and counted again when it is settled."""
    await take(store, subject(MINUTE), NOON, claim=10)
    await store.tighten([Report(MINUTE, 20)], NOON)
    for _ in range(20):
        await store.tighten([Report(MINUTE, 59)], NOON)

    assert await used(store, NOON, MINUTE) == (10,)


async def test_what_an_empty_one_is_charged_afterwards_runs_out_from_then_on(store: StateStore) -> None:
    wanted = subject(tokens(1, "second", kind="bucket"))
    await store.acquire(Claim("nothing", wanted, {"tokens": 0}), NOON)
    grant = await store.acquire(Claim("unnamed", wanted, {"requests": 1}), NOON + 1)
    assert isinstance(grant, Grant)

    await finish(store, grant, Completion(health="neutral", spent={"tokens": 2}), NOON + 1)

    assert await used(store, NOON + 1, *wanted.windows) == (2,)
