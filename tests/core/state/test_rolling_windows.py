import pytest

from apps.core.state.contract import StateStore
from apps.core.state.periods import UNITS, Period, seconds
from tests.core.state.builders import NOON, at, refused, requests, subject, take, tokens, used

PERIODS = [*UNITS, "90second", "7minute", "5hour", "10day", "2week", "3month"]


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.999])
async def test_counts_for_a_whole_period_and_not_a_moment_longer(
    store: StateStore, period: Period, phase: float
) -> None:
    window = requests(10, period, kind="rolling")
    bucket = seconds(period) / 60
    start = NOON + phase * bucket

    await take(store, subject(window), start)

    assert await used(store, start + seconds(period) - 0.001, window) == (1,)
    assert await used(store, start + seconds(period), window) == (0,)


@pytest.mark.parametrize("period", PERIODS)
async def test_what_shares_a_sixtieth_counts_as_long_as_the_last_of_it(
    store: StateStore, period: Period
) -> None:
    window = requests(10, period, kind="rolling")
    bucket = seconds(period) / 60
    start = NOON - NOON % bucket
    for part in (0.1, 0.9):
        await take(store, subject(window), start + part * bucket)

    assert await used(store, start + 0.9 * bucket + seconds(period) - 0.001, window) == (2,)
    assert await used(store, start + 0.9 * bucket + seconds(period), window) == (0,)


async def test_clock_minute_s_boundary_frees_nothing(store: StateStore) -> None:
    window = requests(2, kind="rolling")
    await take(store, subject(window), NOON - 1)
    await take(store, subject(window), NOON - 1)

    refusal = await refused(store, subject(window), NOON)

    assert refusal.retry_at == NOON + 59


@pytest.mark.parametrize("period", PERIODS)
async def test_retry_at_is_the_first_moment_at_which_enough_has_expired(
    store: StateStore, period: Period
) -> None:
    window = tokens(100, period, kind="rolling")
    bucket = seconds(period) / 60
    start = NOON - NOON % bucket
    for index in range(4):
        await take(store, subject(window), start + (index + 0.5) * bucket, claim=25)

    refusal = await refused(store, subject(window), start + 10 * bucket, claim=60)

    assert (refusal.reason, refusal.window) == ("quota", window.key)
    assert refusal.retry_at == pytest.approx(start + (2.5 + 60) * bucket, abs=1e-6, rel=0)
    early = await refused(store, subject(window), refusal.retry_at - bucket / 100, claim=60)
    assert early == refusal
    await take(store, subject(window), refusal.retry_at, claim=60)
    assert await used(store, refusal.retry_at, window) == (85,)


@pytest.mark.parametrize("year", [2026, 2040])  # floats lose a bit in between, in 2038
@pytest.mark.parametrize("sixtieth", range(60))
async def test_retry_at_of_a_second_survives_binary_fractions(
    store: StateStore, year: int, sixtieth: int
) -> None:
    window = requests(1, "second", kind="rolling")
    taken_at = at(f"{year}-01-15 12:00") + (sixtieth + 0.5) / 60
    await take(store, subject(window), taken_at)

    refusal = await refused(store, subject(window), taken_at)

    await take(store, subject(window), refusal.retry_at)


async def test_forgets_everything_after_a_long_silence(store: StateStore) -> None:
    window = tokens(100, kind="rolling")
    for second in range(0, 60, 7):
        await take(store, subject(window), NOON + second, claim=10)

    assert await used(store, NOON + 86_400, window) == (0,)
    await take(store, subject(window), NOON + 86_400, claim=100)


async def test_rolling_month_is_thirty_days(store: StateStore) -> None:
    window = requests(1, "month", kind="rolling")
    thirty_days = 30 * 86_400
    await take(store, subject(window), NOON)

    assert await used(store, NOON + thirty_days - 0.001, window) == (1,)
    assert await used(store, NOON + thirty_days, window) == (0,)


async def test_limit_zero_counts_without_limiting(store: StateStore) -> None:
    window = requests(0, kind="rolling")

    for _ in range(50):
        await take(store, subject(window), NOON)

    assert await used(store, NOON, window) == (50,)
