"""attempts.ends: as asyncio.timeout_at, on one timer."""

import asyncio

import pytest

from apps.gateway.attempts.ends import Ends


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_what_takes_longer_is_a_timeout():
    with pytest.raises(TimeoutError), Ends().until(soon(0.02)):
        await asyncio.Event().wait()

    assert cancellations() == 0


async def test_what_ends_in_time_has_no_end_behind_it():
    ends = Ends()

    with ends.until(soon(0.02)):
        await asyncio.sleep(0)
    await asyncio.sleep(0.06)

    assert cancellations() == 0


async def test_one_that_has_passed_already_ends_the_next_wait():
    with pytest.raises(TimeoutError), Ends().until(soon(-1)):
        await asyncio.Event().wait()


async def test_an_error_of_its_own_stays_what_it_is():
    with pytest.raises(ZeroDivisionError), Ends().until(soon(5)):
        raise ZeroDivisionError


async def test_who_is_cancelled_by_somebody_else_is_cancelled():
    begun = asyncio.Event()

    async def wait() -> None:
        with Ends().until(soon(30)):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_is_cancelled_and_out_of_time_is_cancelled():
    ends = Ends()

    async def wait() -> None:
        with ends.until(soon(0.02)):
            try:
                await asyncio.Event().wait()
            finally:
                task.cancel()  # by another, before it could end

    task = asyncio.create_task(wait())

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_each_of_many_ends_at_its_own_time():
    ends, ended = Ends(), []

    async def wait(name: str, seconds: float) -> None:
        try:
            with ends.until(soon(seconds)):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(name)

    await asyncio.gather(wait("late", 0.12), wait("early", 0.02))

    assert ended == ["early", "late"]
