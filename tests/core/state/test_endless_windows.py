"""What is given once, and calls at a time."""

import pytest

from apps.core.state.contract import Claim, Completion, Grant, Health, PastUsage, Refusal, StateStore, Window
from apps.core.state.keys import CONCURRENCY, Span
from apps.core.state.memory import SWEEP_EVERY, MemoryStore
from apps.core.state.periods import NOW, ONCE
from tests.core.state.builders import (
    CREDENTIAL,
    NOON,
    finish,
    reading,
    refused,
    requests,
    spent,
    subject,
    take,
    used,
)

YEAR_S = 365 * 86_400
GIFT = requests(2, ONCE)
LINES = Window.of(CREDENTIAL, Span(CONCURRENCY, NOW), 2)


def call(claim: str, *windows: Window) -> Claim:
    return Claim(claim, subject(*(windows or (LINES,))), {"requests": 1, CONCURRENCY: 1})


class TestOnce:
    async def test_is_never_given_back_by_time(self, store: StateStore) -> None:
        for _ in range(2):
            await take(store, subject(GIFT), NOON)

        assert (await refused(store, subject(GIFT), NOON + YEAR_S)).window == GIFT.key
        assert await used(store, NOON + 10 * YEAR_S, GIFT) == (2,)

    async def test_is_worth_another_look_a_day_later(self, store: StateStore) -> None:
        for _ in range(2):
            await take(store, subject(GIFT), NOON)

        assert (await refused(store, subject(GIFT), NOON + 5)).retry_at == NOON + 5 + 86_400

    async def test_is_corrected_however_late(self, store: StateStore) -> None:
        grant = await take(store, subject(GIFT), NOON)

        await finish(store, grant, Completion(health="neutral", spent={"requests": 0}), NOON + YEAR_S)

        assert await used(store, NOON + YEAR_S, GIFT) == (0,)

    async def test_follows_an_edited_limit(self, store: StateStore) -> None:
        for _ in range(2):
            await take(store, subject(GIFT), NOON)

        await take(store, subject(requests(3, ONCE)), NOON + 1)

    async def test_remembers_the_whole_past(self, store: StateStore) -> None:
        await store.restore(reading([PastUsage((GIFT,), NOON - 9 * YEAR_S, spent(0, requests=2))]), NOON)

        await refused(store, subject(GIFT), NOON)

    async def test_outlives_every_sweep(self) -> None:
        store = MemoryStore()
        await take(store, subject(GIFT), NOON)

        for _ in range(2 * SWEEP_EVERY):
            await store.acquire(call("x", requests(0)), NOON + YEAR_S)

        assert await used(store, NOON + YEAR_S, GIFT) == (1,)


class TestCallsAtATime:
    @pytest.mark.parametrize("health", ["success", "failure", "neutral"])
    @pytest.mark.parametrize("said", [{}, {CONCURRENCY: 1}, {CONCURRENCY: 0, "requests": 0}])
    async def test_are_given_back_whatever_became_of_the_call(
        self, store: StateStore, health: Health, said: dict[str, int]
    ) -> None:
        first = await store.acquire(call("a"), NOON)
        await store.acquire(call("b"), NOON)
        assert isinstance(first, Grant)
        assert isinstance(await store.acquire(call("c"), NOON), Refusal)

        await finish(store, first, Completion(health=health, spent=said), NOON + 1)

        assert await used(store, NOON + 1, LINES) == (1,)
        assert isinstance(await store.acquire(call("d"), NOON + 1), Grant)

    async def test_are_worth_asking_for_again_at_once(self, store: StateStore) -> None:
        for claim in "ab":
            await store.acquire(call(claim), NOON)

        assert await store.acquire(call("c"), NOON) == Refusal("quota", NOON + 1, LINES.key)

    async def test_are_not_taken_where_another_window_is_full(self, store: StateStore) -> None:
        both = (LINES, requests(1))
        await store.acquire(call("a", *both), NOON)

        await store.acquire(call("b", *both), NOON)

        assert await used(store, NOON, *both) == (1, 1)

    async def test_of_a_process_that_died_have_ended(self, store: StateStore) -> None:
        await store.restore(reading([PastUsage((LINES,), NOON - 1, {"requests": 5, CONCURRENCY: 5})]), NOON)

        assert await used(store, NOON, LINES) == (0,)

    async def test_leave_nothing_behind(self) -> None:
        store = MemoryStore()
        grant = await store.acquire(call("a"), NOON)
        assert isinstance(grant, Grant)
        await finish(store, grant, Completion(health="neutral"), NOON)
        held = store.size()

        for _ in range(SWEEP_EVERY + 1):
            await store.acquire(call("x", requests(0)), NOON)

        assert LINES.key not in store._counters
        assert held >= 1
