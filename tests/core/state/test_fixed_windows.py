import pytest

from apps.core.state.contract import PastUsage, StateStore
from apps.core.state.periods import Period
from tests.core.state.builders import NOON, at, reading, refused, requests, spent, subject, take, tokens, used

LOS_ANGELES = "America/Los_Angeles"


async def test_counts_requests_and_tokens_in_the_order_of_the_windows(store: StateStore) -> None:
    windows = (tokens(100), requests(10), tokens(1000, "day"))

    await take(store, subject(*windows), NOON, claim=30)
    await take(store, subject(*windows), NOON + 1, claim=5)

    assert await used(store, NOON + 2, *windows) == (35, 2, 35)


async def test_unknown_window_shows_nothing_used(store: StateStore) -> None:
    assert await used(store, NOON, requests(10), tokens(10)) == (0, 0)


@pytest.mark.parametrize(
    ("period", "taken_at", "end"),
    [
        ("second", "2026-01-15 12:00:07.250", "2026-01-15 12:00:08"),
        ("minute", "2026-01-15 12:34:56", "2026-01-15 12:35:00"),
        ("hour", "2026-01-15 12:34:56", "2026-01-15 13:00:00"),
        ("day", "2026-01-15 12:34:56", "2026-01-16 00:00:00"),
        ("month", "2026-01-15 12:34:56", "2026-02-01 00:00:00"),
        ("month", "2026-12-31 23:59:59", "2027-01-01 00:00:00"),
        ("month", "2028-02-29 12:00:00", "2028-03-01 00:00:00"),
        ("90second", "2026-01-15 12:00:07", "2026-01-15 12:01:30"),
        ("5hour", "2026-01-15 12:34:56", "2026-01-15 13:00:00"),  # 98,249 times five hours since 1970
        ("24hour", "2026-01-15 12:34:56", "2026-01-16 00:00:00"),
        ("week", "2026-01-15 12:34:56", "2026-01-19 00:00:00"),
        ("week", "2026-01-18 23:59:59", "2026-01-19 00:00:00"),
        ("week", "2026-01-19 00:00:00", "2026-01-26 00:00:00"),
        ("2week", "2026-01-15 12:34:56", "2026-01-19 00:00:00"),
        ("2day", "2026-01-15 12:34:56", "2026-01-17 00:00:00"),
        ("3month", "2026-02-15 12:34:56", "2026-04-01 00:00:00"),
        ("12month", "2026-02-15 12:34:56", "2027-01-01 00:00:00"),
    ],
)
async def test_refuses_until_the_boundary_and_not_beyond(
    store: StateStore, period: Period, taken_at: str, end: str
) -> None:
    window = requests(1, period)
    await take(store, subject(window), at(taken_at))

    refusal = await refused(store, subject(window), at(taken_at) + 0.1)

    assert (refusal.reason, refusal.window, refusal.retry_at) == ("quota", window.key, at(end))
    assert await refused(store, subject(window), at(end) - 0.001) == refusal
    await take(store, subject(window), at(end))


@pytest.mark.parametrize(
    ("period", "zone", "taken_at", "end", "hours"),
    [
        ("day", LOS_ANGELES, "2026-01-15 00:00", "2026-01-16 00:00", 24),
        ("day", LOS_ANGELES, "2026-03-08 00:00", "2026-03-09 00:00", 23),
        ("day", LOS_ANGELES, "2026-11-01 00:00", "2026-11-02 00:00", 25),
        ("month", LOS_ANGELES, "2026-03-01 00:00", "2026-04-01 00:00", 31 * 24 - 1),
        ("month", LOS_ANGELES, "2026-11-01 00:00", "2026-12-01 00:00", 30 * 24 + 1),
        ("week", LOS_ANGELES, "2026-03-02 00:00", "2026-03-09 00:00", 7 * 24 - 1),
        ("week", "Asia/Kathmandu", "2026-06-01 00:00", "2026-06-08 00:00", 7 * 24),
        ("day", "Asia/Kolkata", "2026-06-01 00:00", "2026-06-02 00:00", 24),
        ("day", "Africa/Cairo", "2026-04-23 00:00", "2026-04-24 01:00", 24),  # that Friday has no midnight
        ("day", "Africa/Cairo", "2026-04-24 01:00", "2026-04-25 00:00", 23),
        ("day", "America/Havana", "2026-11-01 00:00", "2026-11-02 00:00", 25),  # that Sunday has two
    ],
)
async def test_days_weeks_and_months_start_at_local_midnight(
    store: StateStore, period: Period, zone: str, taken_at: str, end: str, hours: int
) -> None:
    window = requests(1, period, zone=zone)
    start = at(taken_at, zone)
    await take(store, subject(window), start - 1)

    await take(store, subject(window), start)
    refusal = await refused(store, subject(window), start + 3600)

    assert refusal.retry_at == at(end, zone) == start + hours * 3600
    assert await used(store, refusal.retry_at - 0.001, window) == (1,)
    assert await used(store, refusal.retry_at, window) == (0,)


async def test_second_of_two_equal_hours_belongs_to_the_same_day(store: StateStore) -> None:
    window = requests(10, "day", zone=LOS_ANGELES)
    first_half_past_one = at("2026-11-01 01:30", LOS_ANGELES)

    await take(store, subject(window), first_half_past_one)
    await take(store, subject(window), first_half_past_one + 3600)

    assert await used(store, first_half_past_one + 3600, window) == (2,)


async def test_second_of_two_midnights_starts_no_new_day(store: StateStore) -> None:
    window = requests(10, "day", zone="America/Havana")
    first_half_past_midnight = at("2026-11-01 00:30", "America/Havana")

    past = [PastUsage((window,), first_half_past_midnight, spent(0, requests=1))]
    await store.restore(reading(past), first_half_past_midnight + 3600)

    assert await used(store, first_half_past_midnight + 3600, window) == (1,)


async def test_limit_zero_counts_without_limiting(store: StateStore) -> None:
    window = tokens(0)

    for _ in range(50):
        await take(store, subject(window), NOON, claim=1_000_000)

    assert await used(store, NOON, window) == (50_000_000,)


async def test_edited_limit_applies_to_what_is_already_counted(store: StateStore) -> None:
    for _ in range(3):
        await take(store, subject(requests(3)), NOON)

    lowered = await refused(store, subject(requests(2)), NOON)
    await take(store, subject(requests(4)), NOON)

    assert lowered.window == requests(2).key
    assert await used(store, NOON, requests(4)) == (4,)


async def test_time_that_goes_back_gives_nothing_back(store: StateStore) -> None:
    window = requests(1)
    await take(store, subject(window), NOON + 60)

    refusal = await refused(store, subject(window), NOON + 59.999)

    assert refusal.retry_at == NOON + 120
