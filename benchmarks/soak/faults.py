"""What goes wrong meanwhile: upstreams that fail in every way, tasks' processes that are killed, a database that is cut off."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

import psutil

from fakes import FakeUpstream

UPSTREAM: Final = "openai"
FAULTS: Final = (
    *(
        "error_500",
        "error_429_minute",
        "error_503",
        "empty",
        "cut",
        "cut_before_content",
        "reset",
        "error_in_200",
    ),
    *("error_frame", "html_200", "garbage_frames", "no_done", "no_usage", "slow_1", "filtered", "big_event"),
    *("frames_40_20", "reasoning", "tool_call"),
)
FAULT_EVERY_S: Final = 0.25
KILL_EVERY_S: Final = 45.0
CUT_EVERY_S: Final = 60.0


async def fail_upstream(fake: FakeUpstream, seed: int) -> None:
    """For ever: every now and then the next request meets a fault."""
    chance = random.Random(seed)
    while True:
        await asyncio.sleep(FAULT_EVERY_S)
        fake.script(UPSTREAM, [chance.choice(FAULTS)])


async def kill_children(gateway: psutil.Process) -> None:
    """For ever: kill -9 of what runs the scheduled tasks."""
    while True:
        await asyncio.sleep(KILL_EVERY_S)
        for child in gateway.children(recursive=True):
            child.kill()


async def cut_database(cut: Callable[[], None]) -> None:
    """For ever: each connection to the database breaks."""
    while True:
        await asyncio.sleep(CUT_EVERY_S)
        await asyncio.to_thread(cut)
