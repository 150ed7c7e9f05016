"""What a store tells of single windows, for people: how much is used, and when what of it comes back."""

import pytest

from apps.core.state.contract import Completion, Kind, PastUsage, Report, StateStore, Window
from apps.core.state.keys import CONCURRENCY, Span
from apps.core.state.periods import NOW, ONCE
from tests.core.state.builders import (
    CREDENTIAL,
    KINDS,
    NOON,
    at,
    finish,
    reading,
    requests,
    subject,
    take,
    tokens,
    used,
)

DAY_S = 86_400.0
LOS_ANGELES = "America/Los_Angeles"


async def read(store: StateStore, window: Window, now: float):
    (found,) = await store.read([window], now)
    return found


async def test_reads_in_the_order_of_the_windows_what_view_shows(store: StateStore) -> None:
    windows = (tokens(100), requests(10, kind="rolling"), requests(1000, "day"))
    await take(store, subject(*windows), NOON, claim=30)

    found = await store.read(windows, NOON + 1)

    assert tuple(each.used for each in found) == (30, 1, 1) == await used(store, NOON + 1, *windows)
    assert all((each.counted, each.free_at, each.reported_at) == (each.used, 0.0, None) for each in found)


async def test_a_fixed_window_resets_at_its_boundary_used_or_not(store: StateStore) -> None:
    window = requests(10, "day", zone=LOS_ANGELES)
    midnight = at("2026-01-16 00:00", LOS_ANGELES)

    assert (await read(store, window, NOON)).resets_at == midnight
    await take(store, subject(window), NOON)
    assert (await read(store, window, NOON + 1)).resets_at == midnight
    later = await read(store, window, midnight)
    assert (later.used, later.resets_at) == (0, at("2026-01-17 00:00", LOS_ANGELES))


async def test_a_rolling_window_says_what_comes_back_and_when(store: StateStore) -> None:
    window = requests(10, "day", kind="rolling")
    await take(store, subject(window), NOON)
    await take(store, subject(window), NOON + 7200)
    await take(store, subject(window), NOON + 7201)

    found = await read(store, window, NOON + 8000)

    assert found.returns == ((NOON + DAY_S, 1), (NOON + 7201 + DAY_S, 2))
    assert found.resets_at == NOON + 7201 + DAY_S
    assert (await read(store, window, NOON + DAY_S)).returns == ((NOON + 7201 + DAY_S, 2),)


async def test_what_was_given_back_at_once_does_not_come_back_again(store: StateStore) -> None:
    window = requests(10, "day", kind="rolling")
    grant = await take(store, subject(window), NOON)
    await finish(store, grant, Completion(health="neutral", spent={"requests": 0}), NOON + 1)

    found = await read(store, window, NOON + 2)

    assert (found.used, found.returns, found.resets_at) == (0, (), None)


async def test_a_bucket_is_full_again_when_all_has_come_back(store: StateStore) -> None:
    window = requests(60, "hour", kind="bucket")
    for _ in range(3):
        await take(store, subject(window), NOON)

    found = await read(store, window, NOON + 60)

    assert found.used == 2
    assert found.resets_at == pytest.approx(NOON + 180)


async def test_a_window_that_begins_with_its_first_use_resets_once_it_runs(store: StateStore) -> None:
    window = requests(10, "5hour", kind="first_use")

    assert (await read(store, window, NOON)).resets_at is None
    await take(store, subject(window), NOON)
    assert (await read(store, window, NOON + 60)).resets_at == NOON + 5 * 3600
    assert (await read(store, window, NOON + 5 * 3600)).resets_at is None


async def test_no_time_gives_back_what_is_given_once_or_under_way(store: StateStore) -> None:
    once = Window.of(CREDENTIAL, Span("requests", ONCE), 10)
    calls = Window.of(CREDENTIAL, Span(CONCURRENCY, NOW), 2)
    await store.take([once, calls], {"requests": 1, CONCURRENCY: 1}, NOON)

    found = await store.read([once, calls], NOON + 1)

    assert [(each.used, each.resets_at, each.returns) for each in found] == [(1, None, ()), (1, None, ())]


@pytest.mark.parametrize("runs", KINDS)
async def test_a_full_window_says_when_there_is_room_again(store: StateStore, runs: Kind) -> None:
    window = requests(1, "hour", kind=runs)
    await take(store, subject(window), NOON)

    assert (await read(store, window, NOON + 1)).free_at == NOON + 3600


@pytest.mark.parametrize("runs", [runs for runs in KINDS if runs != "bucket"])
async def test_a_report_is_told_apart_from_what_was_counted_here(store: StateStore, runs: Kind) -> None:
    window = requests(10, "hour", kind=runs)
    await take(store, subject(window), NOON)

    await store.tighten([Report(window, 2, NOON + 7200)], NOON + 1)

    found = await read(store, window, NOON + 2)
    assert (found.used, found.counted, found.reported_at) == (8, 1, NOON + 1)
    assert found.resets_at == NOON + 7200
    over = await read(store, window, NOON + 7200)
    assert (over.used, over.reported_at) == (0, None)


async def test_a_report_that_says_no_more_than_was_counted_is_not_told(store: StateStore) -> None:
    window = requests(10, "hour")
    await store.tighten([Report(window, 9, NOON + 1800)], NOON)
    await take(store, subject(window), NOON + 1)
    grant = await take(store, subject(window), NOON + 2)
    await finish(store, grant, Completion(health="neutral", spent={"requests": 0}), NOON + 3)
    await store.take([window], {"requests": 5}, NOON + 4)

    found = await read(store, window, NOON + 1800)

    assert (found.used, found.counted, found.reported_at, found.resets_at) == (6, 6, None, NOON + 3600)


async def test_reads_what_earlier_processes_used(store: StateStore) -> None:
    window = requests(10, "day", kind="rolling")
    await store.restore(reading([PastUsage((window,), NOON - 3600, {"requests": 4})]), NOON)

    assert (await read(store, window, NOON)).returns == ((NOON - 3600 + DAY_S, 4),)


async def test_reading_changes_nothing(store: StateStore) -> None:
    window = requests(1, "day")

    await read(store, window, NOON)

    await take(store, subject(window), NOON)
