"""The thread of a background loop: every turn has an end, and nothing that hangs keeps the next one from starting."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from apps.core import turns
from apps.core.turns import DatabaseThread, TurnTimeoutError


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """What hanging turns wait for; set at the end."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def thread() -> Iterator[DatabaseThread]:
    made = DatabaseThread("test", patience_s=1, turn_s=0.1)
    yield made
    made.close()


async def test_a_turn_runs_in_one_thread_of_its_own(thread: DatabaseThread):
    names = [await thread.run(lambda: threading.current_thread().name) for _ in range(3)]
    idents = {await thread.run(threading.get_ident) for _ in range(3)}

    assert names == ["test"] * 3
    assert len(idents) == 1
    assert threading.get_ident() not in idents


async def test_what_a_turn_raises_is_raised(thread: DatabaseThread):
    def fail() -> None:
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await thread.run(fail)

    assert await thread.run(lambda: 7) == 7


async def test_a_turn_that_hangs_is_left_behind_with_its_thread(
    thread: DatabaseThread, stuck: threading.Event
):
    first = await thread.run(threading.get_ident)
    with pytest.raises(TurnTimeoutError):
        await thread.run(lambda: stuck.wait(10))

    assert await thread.run(threading.get_ident) != first


async def test_threads_left_behind_are_few(thread: DatabaseThread, stuck: threading.Event):
    for _ in range(turns.MOST_LEFT_BEHIND):
        with pytest.raises(TurnTimeoutError):
            await thread.run(lambda: stuck.wait(10))
    before = time.monotonic()

    with pytest.raises(TurnTimeoutError, match="still hang"):
        await thread.run(lambda: 1)

    assert time.monotonic() - before < 0.05
    stuck.set()
    await asyncio.sleep(0.1)
    assert await thread.run(lambda: 1) == 1


async def test_a_caller_that_is_cancelled_disturbs_no_later_turn(thread: DatabaseThread):
    done = threading.Event()

    def work() -> None:
        time.sleep(0.05)
        done.set()

    task = asyncio.create_task(thread.run(work))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await thread.run(done.is_set)


HANGS = """
import asyncio, threading, django
from django.conf import settings
settings.configure(DATABASES={})
from apps.core.turns import DatabaseThread, TurnTimeoutError

async def main():
    try:
        await DatabaseThread("hangs", patience_s=1, turn_s=0.1).run(threading.Event().wait)
    except TurnTimeoutError:
        print("left behind")

asyncio.run(main())
"""


def test_a_turn_that_hangs_does_not_keep_the_process_from_ending():
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=20)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("left behind\n")
