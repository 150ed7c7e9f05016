"""Work on what is large: in a thread, one at a time for a user, and nothing is left of it."""

import asyncio
import gc
import threading
import weakref
from contextvars import ContextVar
from functools import partial

import pytest

from apps.core.aside import LARGE_BYTES, SIZE, aside

HERE: ContextVar[str] = ContextVar("here", default="")


@pytest.mark.parametrize(("size", "in_loop"), [(LARGE_BYTES, True), (LARGE_BYTES + 1, False)])
async def test_what_is_large_is_done_in_a_thread(size: int, in_loop: bool):
    HERE.set("request")

    where = await aside(1, lambda: (threading.get_ident(), HERE.get()), size)

    assert where == (where[0], "request")
    assert (where[0] == threading.get_ident()) is in_loop


async def test_the_size_is_that_of_the_request():
    SIZE.set(LARGE_BYTES + 1)

    assert await aside(1, threading.get_ident) != threading.get_ident()


class Body:
    """Something whose end can be seen."""


async def test_nothing_is_left_of_what_was_refused():
    seen: list[weakref.ref[Body]] = []

    def refuse(body: Body) -> None:
        seen.append(weakref.ref(body))
        raise ValueError("no")

    gc.collect()
    gc.disable()
    try:
        with pytest.raises(ValueError, match="no"):
            await aside(1, partial(refuse, Body()), LARGE_BYTES + 1)
        await asyncio.sleep(0.05)  # the thread lets go of its work behind its result
        assert seen[0]() is None
    finally:
        gc.enable()


async def test_a_user_has_one_thread_and_leaves_the_other():
    release = threading.Event()
    started: list[int] = []

    def work(user: int) -> None:
        started.append(user)
        release.wait(10)

    held = [asyncio.create_task(aside(1, partial(work, 1), LARGE_BYTES + 1)) for _ in range(3)]
    await asyncio.sleep(0)
    other = asyncio.create_task(aside(2, partial(work, 2), LARGE_BYTES + 1))
    async with asyncio.timeout(10):
        while len(started) < 2:  # noqa: ASYNC110 - threads tell nobody
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    seen = sorted(started)
    release.set()
    await asyncio.gather(*held, other)

    assert seen == [1, 2]
    assert sorted(started) == [1, 1, 1, 2]


async def test_a_turn_is_over_when_its_work_is():
    release, begun = threading.Event(), threading.Event()
    done: list[str] = []

    def first() -> None:
        begun.set()
        release.wait(10)
        done.append("first")

    left = asyncio.create_task(aside(1, first, LARGE_BYTES + 1))
    while not begun.is_set():  # noqa: ASYNC110 - threads tell nobody
        await asyncio.sleep(0.005)
    left.cancel()
    second = asyncio.create_task(aside(1, partial(done.append, "second"), LARGE_BYTES + 1))
    await asyncio.sleep(0.05)
    assert done == []
    release.set()
    await second

    assert done == ["first", "second"]
    with pytest.raises(asyncio.CancelledError):
        await left
