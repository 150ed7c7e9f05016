"""What only the in-process store promises: that it does not grow for ever."""

from apps.core.state.contract import Block, Completion, Health, Pulse, Report, Subject, Window
from apps.core.state.memory import MemoryStore
from tests.core.state.builders import NOON, POLICY, attempt, refused, requests, subject, take, used

KEYS = 100_000
DAY_S = 86_400


def stranger(number: int) -> Subject:
    """A subject that shares no key with any other, with a fixed and a rolling window."""
    key = f"key-{number}"
    windows = (
        Window(f"{key}:r", "requests", "minute", 10),
        Window(f"{key}:t", "tokens", "minute", 10, kind="rolling"),
    )
    return Subject(key, f"{key}|model", windows)


async def visit(store: MemoryStore, number: int, completion: Completion, now: float) -> None:
    await store.complete(await take(store, stranger(number), now, claim=1), completion, POLICY, now)


async def test_distinct_keys_that_come_and_go_do_not_stay() -> None:
    store = MemoryStore()
    largest = 0

    for number in range(KEYS):
        await visit(store, number, Completion(health="neutral"), NOON + number * 0.1)
        largest = max(largest, store.size())

    assert largest < KEYS / 20


async def test_everything_remembered_of_idle_keys_goes_within_a_few_sweeps() -> None:
    store = MemoryStore()
    for number in range(3000):
        blocks = (Block(f"key-{number}", NOON + 60, "rate_limited"),)
        await visit(store, number, Completion(health="failure", latency_ms=5.0, blocks=blocks), NOON)
    grown = store.size()

    for _ in range(grown + 1024):
        await take(store, subject(), NOON + 2 * DAY_S)

    assert grown >= 3000 * 5
    assert store.size() == 1


async def test_sweeping_keeps_reports_and_breakers_that_still_hold() -> None:
    store = MemoryStore()
    window = requests(10)
    await store.tighten([Report(window, 0, NOON + DAY_S)], NOON)
    for _ in range(POLICY.threshold):
        await attempt(store, "failure", NOON)

    for number in range(5000):
        await visit(store, number, Completion(health="neutral"), NOON + 70)

    assert (await take(store, subject(), NOON + 70)).trial is True
    assert (await refused(store, subject(window), NOON + 70)).retry_at == NOON + DAY_S


async def test_sweeping_keeps_what_still_counts() -> None:
    store = MemoryStore()
    windows = (requests(10_000, "day"), requests(10_000, "hour", kind="rolling"))
    kept = await take(store, subject(*windows), NOON)

    for number in range(5000):
        await visit(store, number, Completion(health="neutral"), NOON + 1)

    assert await used(store, NOON + 1, *windows) == (1, 1)
    refund = Completion(health="success", spent={"requests": 0}, latency_ms=7.0)
    await store.complete(kept, refund, POLICY, NOON + 2)
    [seen] = await store.view([subject(*windows)], NOON + 2)
    assert (seen.used, seen.in_flight, seen.latency_ema_ms) == ((0, 0), 0, 7.0)


async def test_a_breaker_tells_what_it_counts_and_how_often_it_has_opened() -> None:
    store = MemoryStore()
    one = stranger(1)

    async def pulse_after(health: Health, now: float) -> Pulse | None:
        await visit(store, 1, Completion(health=health), now)
        return (await store.view([one], now))[0].breaker

    assert (await store.view([one], NOON))[0].breaker is None
    assert await pulse_after("failure", NOON) == Pulse((NOON,), 0, 0.0)
    assert await pulse_after("failure", NOON + 1) == Pulse((NOON, NOON + 1), 0, 0.0)
    assert await pulse_after("failure", NOON + 2) == Pulse((), 1, NOON + 2)
    assert await pulse_after("failure", NOON + 40) == Pulse((), 2, NOON + 40)  # its trial
    assert await pulse_after("success", NOON + 140) is None
