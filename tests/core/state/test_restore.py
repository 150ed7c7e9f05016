from apps.core.state.contract import PastUsage, StateStore
from tests.core.state.builders import NOON, refused, requests, spent, subject, take, tokens, used


async def test_past_usage_is_charged_to_the_windows_that_still_run(store: StateStore) -> None:
    windows = (requests(10), tokens(1000), requests(100, "day"), tokens(9000, "month"))
    past = [
        PastUsage(windows, NOON - 1, spent(50, requests=1)),  # same day and month
        PastUsage(windows, NOON - 40 * 86_400, spent(900, requests=1)),  # last month
        PastUsage(windows, NOON + 2, spent(30, requests=1)),
        PastUsage(windows, NOON - 86_400, spent(70, requests=2)),  # same month
    ]

    await store.restore(iter(past), NOON + 5)

    assert await used(store, NOON + 5, *windows) == (1, 30, 2, 150)


async def test_past_usage_rolls_out_when_it_would_have(store: StateStore) -> None:
    window = tokens(100, rolling=True)
    past = [PastUsage((window,), NOON - age, spent(40, requests=1)) for age in (20, 50, 61, 3600)]

    await store.restore(past, NOON)

    assert await used(store, NOON, window) == (80,)
    assert (await refused(store, subject(window), NOON, claim=21)).retry_at == NOON - 50 + 61
    assert await used(store, NOON + 11, window) == (40,)
    assert await used(store, NOON + 41, window) == (0,)


async def test_restored_usage_limits_the_first_request(store: StateStore) -> None:
    window = requests(3, "day")

    await store.restore([PastUsage((window,), NOON - 60, spent(0, requests=2))], NOON)

    await take(store, subject(window), NOON)
    await refused(store, subject(window), NOON)


async def test_usage_stamped_by_a_clock_that_is_ahead_counts_as_now(store: StateStore) -> None:
    windows = (requests(10), requests(10, "hour", rolling=True))

    await store.restore([PastUsage(windows, NOON + 3700, spent(0, requests=4))], NOON)

    assert await used(store, NOON, *windows) == (4, 4)
    assert await used(store, NOON + 3660, *windows) == (0, 0)
