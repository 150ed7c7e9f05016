import pytest

from apps.core.state.contract import Completion, Kind, Refusal, Report, StateStore
from tests.core.state.builders import (
    NOON,
    SUCCESS,
    finish,
    refused,
    requests,
    spent,
    standing,
    subject,
    take,
    tokens,
    used,
)
from tests.factories import make_claim

DAY = requests(10, "day")


async def drain(store: StateStore, now: float, limit: int = 1000) -> int:
    """How many requests of DAY are granted at `now`."""
    for taken in range(limit):
        if isinstance(await store.acquire(make_claim(subject(DAY)), now), Refusal):
            return taken
    return limit


async def test_report_of_less_than_believed_tightens(store: StateStore) -> None:
    await take(store, subject(DAY), NOON)

    await store.tighten([Report(DAY, 3, NOON + 600)], NOON + 1)

    assert await used(store, NOON + 2, DAY) == (7,)
    assert await drain(store, NOON + 2) == 3
    assert await refused(store, subject(DAY), NOON + 2) == Refusal("quota", NOON + 600, DAY.key)


@pytest.mark.parametrize("remaining", [9, 10, 5000])
async def test_report_of_more_than_believed_changes_nothing(store: StateStore, remaining: int) -> None:
    await take(store, subject(DAY), NOON)

    await store.tighten([Report(DAY, remaining, NOON + 600)], NOON + 1)

    assert await used(store, NOON + 2, DAY) == (1,)
    assert await drain(store, NOON + 2) == 9


async def test_later_report_never_loosens_an_earlier_one(store: StateStore) -> None:
    await store.tighten([Report(DAY, 2, NOON + 600)], NOON)

    await store.tighten([Report(DAY, 8, NOON + 60)], NOON + 1)

    assert await drain(store, NOON + 61) == 2


async def test_tighter_report_that_ends_sooner_keeps_the_later_end(store: StateStore) -> None:
    await store.tighten([Report(DAY, 2, NOON + 600)], NOON)

    await store.tighten([Report(DAY, 1, NOON + 60)], NOON + 1)

    assert await drain(store, NOON + 61) == 1


async def test_tightening_ends_at_resets_at(store: StateStore) -> None:
    await take(store, subject(DAY), NOON)
    await store.tighten([Report(DAY, 0, NOON + 600)], NOON + 1)

    await refused(store, subject(DAY), NOON + 599.9)

    assert await used(store, NOON + 600, DAY) == (1,)
    assert await drain(store, NOON + 600) == 9


async def test_tightening_outlasts_the_boundary_of_the_window(store: StateStore) -> None:
    window = requests(10)
    await store.tighten([Report(window, 0, NOON + 90)], NOON)

    refusal = await refused(store, subject(window), NOON + 61)

    assert refusal == Refusal("quota", NOON + 90, window.key)
    await take(store, subject(window), NOON + 90)


async def test_second_report_of_nothing_left_may_move_the_end(store: StateStore) -> None:
    await store.tighten([Report(DAY, 0, NOON + 10)], NOON)

    await store.tighten([Report(DAY, 0, NOON + 60)], NOON + 5)

    assert (await refused(store, subject(DAY), NOON + 11)).retry_at == NOON + 60


@pytest.mark.parametrize(
    ("runs", "end"),
    [("fixed", NOON + 60), ("rolling", NOON + 70), ("bucket", NOON + 16), ("first_use", NOON + 70)],
)
async def test_report_without_an_end_lasts_for_the_window(store: StateStore, runs: Kind, end: float) -> None:
    window = requests(10, kind=runs)

    await store.tighten([Report(window, 0)], NOON + 10)

    assert (await refused(store, subject(window), NOON + 11)).retry_at == end
    await take(store, subject(window), end)


async def test_report_that_is_already_over_changes_nothing(store: StateStore) -> None:
    await store.tighten([Report(DAY, 0, NOON)], NOON)

    assert await drain(store, NOON) == 10


async def test_report_that_is_already_over_leaves_an_earlier_one_as_it_is(store: StateStore) -> None:
    await store.tighten([Report(DAY, 4, NOON + 600)], NOON)

    await store.tighten([Report(DAY, 0, NOON + 1)], NOON + 2)

    assert await drain(store, NOON + 2) == 4


async def test_retry_at_waits_for_the_later_of_window_and_report(store: StateStore) -> None:
    window = requests(1, "day")
    await take(store, subject(window), NOON)

    await store.tighten([Report(window, 0, NOON + 60)], NOON)

    assert (await refused(store, subject(window), NOON + 1)).retry_at == NOON + 43_200


async def test_unlimited_window_is_tightened_too(store: StateStore) -> None:
    window = tokens(0)
    await store.tighten([Report(window, 100, NOON + 600)], NOON)

    await take(store, subject(window), NOON + 1, claim=100)
    seen = await standing(store, subject(window), NOON + 1)

    assert (seen.used, seen.blocked_until, seen.reason) == ((100,), NOON + 600, "quota")
    assert (await refused(store, subject(window), NOON + 1, claim=1)).retry_at == NOON + 600
    await take(store, subject(window), NOON + 600, claim=1_000_000)


async def test_tightened_rolling_window_frees_nothing_before_the_end(store: StateStore) -> None:
    window = requests(10, kind="rolling")
    for second in range(5):
        await take(store, subject(window), NOON + second)

    await store.tighten([Report(window, 0, NOON + 300)], NOON + 5)

    assert (await refused(store, subject(window), NOON + 100)).retry_at == NOON + 300


async def test_settling_a_claim_made_after_the_report_gives_back_its_surplus(store: StateStore) -> None:
    window = tokens(1000)
    await store.tighten([Report(window, 100, NOON + 30)], NOON)
    grant = await take(store, subject(window), NOON + 1, claim=100)

    await finish(store, grant, Completion(health="success", spent=spent(40)), NOON + 2)

    await take(store, subject(window), NOON + 2, claim=60)
    await refused(store, subject(window), NOON + 2, claim=1)


async def test_settling_a_claim_made_before_the_report_does_not_loosen_it(store: StateStore) -> None:
    window = tokens(1000)
    grant = await take(store, subject(window), NOON, claim=500)
    await store.tighten([Report(window, 100, NOON + 30)], NOON + 1)

    await finish(store, grant, Completion(health="success", spent=spent(0)), NOON + 2)

    await take(store, subject(window), NOON + 2, claim=100)
    await refused(store, subject(window), NOON + 2, claim=1)


async def test_report_does_not_lower_what_a_user_limit_allows_elsewhere(store: StateStore) -> None:
    hour = requests(10, "hour")
    grant = await take(store, subject(DAY, hour), NOON)

    await store.tighten([Report(hour, 0, NOON + 60)], NOON)
    await finish(store, grant, SUCCESS, NOON + 1)

    assert await used(store, NOON + 1, DAY, hour) == (1, 10)
