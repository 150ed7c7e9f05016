"""How fast windows are used, from looks at the counters a minute apart."""

from collections.abc import Sequence

import pytest

from apps.core.state.contract import Kind, PastUsage, Report, Window
from apps.core.state.keys import Span
from apps.core.state.memory import MemoryStore
from apps.gateway.outlook.pace import INTERVAL_S, MAX_WINDOWS, Book
from apps.providers.forecast import Pace

NOON = 1_768_478_400.0  # 2026-01-15 12:00 UTC
HOUR_S = 3600.0
KINDS: tuple[Kind, ...] = ("fixed", "rolling", "bucket", "first_use")


def window(
    limit: int = 10_000, period: str = "day", *, kind: Kind = "fixed", metric: str = "requests"
) -> Window:
    return Window.of("1:groq", Span(metric, period), limit, kind=kind)


class Minutes:
    """A store with one window, and a book that looks at it once a minute."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.store = MemoryStore()
        self.book = Book()

    async def look(self, now: float) -> None:
        (reading,) = await self.store.read([self.window], now)
        self.book.sample(self.window, reading, now)
        self.book.looked(now)

    async def use(self, amounts: Sequence[int], start: float = NOON) -> float:
        """Look, then use one amount a minute, in its middle, and look. Returns the time of the last look."""
        await self.look(start)
        for minute, amount in enumerate(amounts):
            if amount:
                at = start + minute * 60 + 30
                await self.store.take([self.window], {self.window.metric: amount}, at)
            await self.look(start + (minute + 1) * 60)
        return start + len(amounts) * 60

    def pace(self, now: float) -> Pace | None:
        return self.book.pace(self.window, now)


@pytest.mark.parametrize("kind", KINDS)
async def test_counts_what_was_used_between_the_looks(kind: Kind):
    minutes = Minutes(window(period="month", kind=kind))

    now = await minutes.use([5, 0, 3] + [1] * 27)

    found = minutes.pace(now)
    assert found is not None
    assert found.amount == found.uses == pytest.approx(35, abs=1)  # a bucket is read in whole requests
    assert found.over_s == found.first_s == pytest.approx(1800, abs=30)


@pytest.mark.parametrize("kind", KINDS)
async def test_forgets_what_is_older_than_an_hour(kind: Kind):
    minutes = Minutes(window(period="month", kind=kind))

    now = await minutes.use([100] * 30 + [2] * 90)

    found = minutes.pace(now)
    assert found is not None
    assert found.amount / found.over_s == pytest.approx(2 / 60, rel=0.01)
    assert HOUR_S <= found.over_s < HOUR_S + 300


async def test_what_falls_out_of_a_rolling_window_does_not_count_against_what_comes():
    minutes = Minutes(window(kind="rolling", period="hour"))

    now = await minutes.use([10] * 60 + [2] * 70)

    found = minutes.pace(now)
    assert found is not None
    assert found.amount / found.over_s == pytest.approx(2 / 60, rel=0.02)


async def test_what_flows_back_into_a_bucket_does_not_count_against_what_is_taken():
    minutes = Minutes(window(600, "hour", kind="bucket"))

    now = await minutes.use([12] * 70)

    found = minutes.pace(now)
    assert found is not None
    assert found.amount / found.over_s == pytest.approx(12 / 60, rel=0.02)


async def test_a_window_that_starts_anew_counts_from_its_start():
    midnight = NOON + 12 * HOUR_S
    minutes = Minutes(window())

    now = await minutes.use([100] * 30 + [2] * 20, midnight - 30 * 60)

    assert minutes.pace(now) == Pace(amount=40, uses=40, over_s=1200, first_s=1200)


async def test_a_window_that_starts_with_its_first_use_counts_from_there():
    minutes = Minutes(window(period="20minute", kind="first_use"))

    now = await minutes.use([0] * 10 + [4] * 15)

    found = minutes.pace(now)
    assert found is not None
    assert found.amount / found.over_s == pytest.approx(4 / 60, rel=0.1)


async def test_of_tokens_every_look_that_saw_more_is_one_use():
    minutes = Minutes(window(metric="tokens"))

    now = await minutes.use([5000, 0, 0, 700, 0, 0, 0, 0, 0, 0, 0, 0])

    assert minutes.pace(now) == Pace(amount=5700, uses=2, over_s=720, first_s=720)


async def test_an_upstreams_report_is_no_use_of_ours():
    minutes = Minutes(window())
    await minutes.use([1] * 15)
    now = NOON + 15 * 60

    await minutes.store.tighten([Report(minutes.window, 10, NOON + 12 * HOUR_S)], now + 1)
    await minutes.look(now + 60)

    assert minutes.pace(now + 60) == Pace(amount=15, uses=15, over_s=960, first_s=960)


async def test_what_is_given_back_is_taken_off():
    minutes = Minutes(window(metric="tokens"))
    await minutes.use([1000])
    await minutes.store.take([minutes.window], {"tokens": -400}, NOON + 70)
    await minutes.look(NOON + 120)

    found = minutes.pace(NOON + 120)

    assert found is not None
    assert found.amount == 600


async def test_the_first_look_knows_no_pace_but_the_second_does():
    minutes = Minutes(window())
    await minutes.store.take([minutes.window], {"requests": 500}, NOON - 60)
    await minutes.look(NOON)

    assert minutes.pace(NOON) == Pace(amount=0, uses=0, over_s=0, first_s=0)

    await minutes.store.take([minutes.window], {"requests": 5}, NOON + 30)
    await minutes.look(NOON + 60)

    assert minutes.pace(NOON + 60) == Pace(amount=5, uses=5, over_s=60, first_s=60)


async def test_a_start_remembers_the_hour_before_it():
    minutes = Minutes(window())
    past = [
        PastUsage((minutes.window,), NOON - 5000, {"requests": 100, "tokens": 9}),
        PastUsage((minutes.window,), NOON - 1800, {"requests": 20, "tokens": 9}),
        PastUsage((minutes.window,), NOON - 60, {"requests": 10, "tokens": 9}),
    ]

    async def read(_now: float) -> list[PastUsage]:
        return past

    await minutes.store.restore(read, NOON)
    minutes.book.recall(past, NOON)
    await minutes.look(NOON)

    found = minutes.pace(NOON)
    assert found == Pace(amount=30, uses=30, over_s=HOUR_S, first_s=1800)


async def test_a_look_that_came_too_late_knows_nothing_of_the_time_before():
    minutes = Minutes(window())
    now = await minutes.use([1] * 30)

    late = now + 10 * INTERVAL_S
    assert minutes.pace(late) is None

    await minutes.store.take([minutes.window], {"requests": 1000}, late - 1)
    await minutes.look(late)
    assert minutes.pace(late) == Pace(amount=0, uses=0, over_s=0, first_s=0)


async def test_nobody_has_looked_yet():
    assert Book().pace(window(), NOON) is None


async def test_a_clock_that_was_put_back_begins_anew():
    minutes = Minutes(window())
    now = await minutes.use([1] * 30)

    await minutes.look(now - HOUR_S)

    assert minutes.pace(now - HOUR_S) == Pace(amount=0, uses=0, over_s=0, first_s=0)


def test_windows_beyond_a_number_are_not_followed_and_not_taken_for_fresh():
    book = Book()
    store: dict[Window, int] = {}
    from apps.core.state.contract import Reading

    def look(now: float) -> None:
        for each, count in store.items():
            book.sample(each, Reading(count, count, 0.0, NOON + 12 * HOUR_S), now)
        book.looked(now)

    look(NOON)
    for number in range(MAX_WINDOWS + 1):
        store[Window.of(f"{number}:groq", Span("requests", "day"), 10)] = 1
    look(NOON + 60)
    last = next(reversed(store))
    first = next(iter(store))

    assert book.size() == MAX_WINDOWS
    assert book.pace(first, NOON + 60) == Pace(amount=1, uses=1, over_s=60, first_s=60)
    assert book.pace(last, NOON + 60) == Pace(amount=0, uses=0, over_s=60, first_s=0)

    del store[first]
    store[last] = 7
    look(NOON + 120)
    look(NOON + 180)

    found = book.pace(last, NOON + 180)
    assert found is not None
    assert found.amount == 0
