"""What goes wrong meanwhile: upstreams that fail in every way, tasks' processes that are killed, a database that is cut off."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

import psutil

from fakes import FakeUpstream
from fakes.limits import Limits

UPSTREAM: Final = "openai"
PLENTY: Final = Limits(requests_per_minute=10**9, requests_per_day=10**9, tokens_per_minute=10**9)
"""What it says of itself. Of 14,400 requests a day nothing was left after ten minutes, and all that followed was refused."""
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
FAULT_EVERY_S: Final = 2.0
"""More would teach the gateway that its accounts are spent, and hardly anything would be answered."""
KILL_EVERY_S: Final = 400.0
"""Longer than the shortest interval of the schedule, so that its tasks run too."""
CUT_EVERY_S: Final = 60.0
LEAST: Final = 3
"""So often at least, in a short soak."""


async def fail_upstream(fake: FakeUpstream, seed: int) -> None:
    """For ever: every now and then the next request meets a fault."""
    chance = random.Random(seed)
    while True:
        await asyncio.sleep(FAULT_EVERY_S)
        fake.script(UPSTREAM, [chance.choice(FAULTS)])


async def kill_children(gateway: psutil.Process, seconds: float) -> None:
    """For ever: kill -9 of what runs the scheduled tasks. `seconds`: how long the soak takes."""
    while True:
        await asyncio.sleep(min(KILL_EVERY_S, seconds / LEAST))
        for child in gateway.children(recursive=True):
            child.kill()


async def cut_database(cut: Callable[[], None], seconds: float) -> None:
    """For ever: each connection to the database breaks."""
    while True:
        await asyncio.sleep(min(CUT_EVERY_S, seconds / LEAST))
        await asyncio.to_thread(cut)
