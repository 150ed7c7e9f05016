import asyncio
from collections.abc import Iterable, Iterator

import pytest

from apps.core.state.contract import PastUsage, StateStore
from tests.core.state.builders import NOON, reading, refused, requests, spent, subject, take, tokens, used
from tests.core.state.conftest import Beside


async def test_past_usage_is_charged_to_the_windows_that_still_run(store: StateStore) -> None:
    windows = (requests(10), tokens(1000), requests(100, "day"), tokens(9000, "month"))
    past = [
        PastUsage(windows, NOON - 1, spent(50, requests=1)),  # same day and month
        PastUsage(windows, NOON - 40 * 86_400, spent(900, requests=1)),  # last month
        PastUsage(windows, NOON + 2, spent(30, requests=1)),
        PastUsage(windows, NOON - 86_400, spent(70, requests=2)),  # same month
    ]

    await store.restore(reading(iter(past)), NOON + 5)

    assert await used(store, NOON + 5, *windows) == (1, 30, 2, 150)


async def test_past_usage_rolls_out_when_it_would_have(store: StateStore) -> None:
    window = tokens(100, kind="rolling")
    past = [PastUsage((window,), NOON - age, spent(40, requests=1)) for age in (20, 50, 61, 3600)]

    await store.restore(reading(past), NOON)

    assert await used(store, NOON, window) == (80,)
    assert (await refused(store, subject(window), NOON, claim=21)).retry_at == NOON - 50 + 60
    assert await used(store, NOON + 11, window) == (40,)
    assert await used(store, NOON + 41, window) == (0,)


async def test_restored_usage_limits_the_first_request(store: StateStore) -> None:
    window = requests(3, "day")

    await store.restore(reading([PastUsage((window,), NOON - 60, spent(0, requests=2))]), NOON)

    await take(store, subject(window), NOON)
    await refused(store, subject(window), NOON)


async def test_usage_stamped_by_a_clock_that_is_ahead_counts_as_now(store: StateStore) -> None:
    windows = (requests(10), requests(10, "hour", kind="rolling"))

    await store.restore(reading([PastUsage(windows, NOON + 3700, spent(0, requests=4))]), NOON)

    assert await used(store, NOON, *windows) == (4, 4)
    assert await used(store, NOON + 3660, *windows) == (0, 0)


WINDOW = requests(100, "day")
PAST = [PastUsage((WINDOW,), NOON - 60, spent(0, requests=30))]


class Ledger:
    """Says what was used, slowly, and how often it was asked. While `failing` it breaks off in the middle."""

    def __init__(self, *, failing: bool = False) -> None:
        self.asked: list[float] = []
        self.failing = failing

    async def read(self, now: float) -> Iterable[PastUsage]:
        self.asked.append(now)
        await asyncio.sleep(0.01)
        return self._rows()

    def _rows(self) -> Iterator[PastUsage]:
        yield from PAST
        if self.failing:
            raise ConnectionError("the database went away")


async def test_the_past_is_charged_once_however_many_processes_start(
    store: StateStore, beside: Beside
) -> None:
    ledger = Ledger()

    await store.restore(ledger.read, NOON)
    await take(store, subject(WINDOW), NOON + 1)
    late = beside(store)
    await late.restore(ledger.read, NOON + 2)

    assert ledger.asked == [NOON]
    assert await used(late, NOON + 2, WINDOW) == (31,)


async def test_processes_that_start_together_all_wait_for_the_one_that_restores(
    store: StateStore, beside: Beside
) -> None:
    ledger = Ledger()
    processes = [store, *(beside(store) for _ in range(4))]

    async def start(process: StateStore) -> tuple[int, ...]:
        await process.restore(ledger.read, NOON)
        return await used(process, NOON, WINDOW)

    assert await asyncio.gather(*(start(process) for process in processes)) == [(30,)] * 5
    assert len(ledger.asked) == 1


async def test_a_past_that_cannot_be_read_is_charged_by_whoever_asks_next(
    store: StateStore, beside: Beside
) -> None:
    ledger = Ledger(failing=True)

    with pytest.raises(ConnectionError):
        await store.restore(ledger.read, NOON)
    assert await used(store, NOON, WINDOW) == (0,)
    ledger.failing = False
    await beside(store).restore(ledger.read, NOON + 1)

    assert ledger.asked == [NOON, NOON + 1]
    assert await used(store, NOON + 1, WINDOW) == (30,)


async def test_a_process_that_leaves_while_it_restores_holds_up_nobody(
    store: StateStore, beside: Beside
) -> None:
    ledger = Ledger()
    leaving = asyncio.create_task(store.restore(ledger.read, NOON))
    await asyncio.sleep(0)

    leaving.cancel()
    await asyncio.wait([leaving])
    await beside(store).restore(ledger.read, NOON + 1)

    assert leaving.cancelled()
    assert await used(store, NOON + 1, WINDOW) == (30,)
