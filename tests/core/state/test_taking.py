"""Limits of those who ask: taken in one call, with nothing to complete."""

import asyncio

import pytest

from apps.core.state.contract import Refusal, StateStore, Window
from tests.core.state.builders import NOON, refused, requests, spent, subject, take, tokens, used

ONE = {"requests": 1}


async def test_says_what_is_used_now_of_each_window(store: StateStore) -> None:
    windows = (requests(10), tokens(100, "day", kind="rolling"), requests(50, "5hour"))

    first = await store.take(windows, spent(30), NOON)
    second = await store.take(windows, ONE, NOON + 1)

    assert (first, second) == ((1, 30, 1), (2, 30, 2))
    assert await used(store, NOON + 1, *windows) == (2, 30, 2)


@pytest.mark.parametrize("reverse", [False, True])
async def test_takes_from_no_window_when_one_is_full(store: StateStore, reverse: bool) -> None:
    windows = (requests(1), requests(5, "day"))
    if reverse:
        windows = windows[::-1]
    await store.take(windows, ONE, NOON)

    refusals = [await store.take(windows, ONE, NOON + 1) for _ in range(3)]

    assert refusals == [Refusal("quota", NOON + 60, requests(1).key)] * 3
    assert sum(await used(store, NOON + 1, *windows)) == 2


async def test_names_the_full_window_that_frees_last(store: StateStore) -> None:
    windows = (requests(1), requests(1, "day"), requests(1, "hour"))
    await store.take(windows, ONE, NOON)

    assert await store.take(windows, ONE, NOON + 1) == Refusal("quota", NOON + 43_200, requests(1, "day").key)


async def test_leaves_nothing_open(store: StateStore) -> None:
    await store.take((requests(10),), ONE, NOON)

    assert await store.open_grants() == 0


async def test_counts_in_the_same_windows_as_attempts_do(store: StateStore) -> None:
    window = requests(2, kind="rolling")

    await take(store, subject(window), NOON)
    assert await store.take((window,), ONE, NOON) == (2,)

    await refused(store, subject(window), NOON)


async def test_limit_zero_counts_without_limiting(store: StateStore) -> None:
    unlimited: tuple[Window, ...] = (requests(0),)

    assert [await store.take(unlimited, ONE, NOON) for _ in range(3)] == [(1,), (2,), (3,)]


async def test_concurrent_callers_never_take_more_than_there_is(store: StateStore) -> None:
    windows = (requests(7), requests(1000, "day", kind="rolling"))

    answers = await asyncio.gather(*(store.take(windows, ONE, NOON) for _ in range(50)))

    assert sum(not isinstance(answer, Refusal) for answer in answers) == 7
    assert await used(store, NOON, *windows) == (7, 7)
