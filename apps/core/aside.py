"""Work on something large beside the event loop, which serves everybody else meanwhile.

Decoding, translating and encoding a request of the largest size take half a second of Python and C, in steps of a tenth of a second at
most; in a thread the loop gets its turn between two steps. Few such threads, since each may hold the interpreter for a step, and one at a
time for a user, so that whoever sends nothing but large bodies waits behind themself.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import Final, TypeVar

from apps.core.fair_turns import FairTurns

T = TypeVar("T")

LARGE_BYTES: Final = 64 * 1024
"""Up to here a hop to a thread costs more than it is worth: no such body takes the loop for long, whatever it holds."""
MOST: Final = 2
SIZE: ContextVar[int] = ContextVar("size", default=0)
"""Bytes of what the current request brought, and of what it refers to: whatever is made of it is about as large."""

_THREADS: Final = ThreadPoolExecutor(MOST, "aside")
_TURNS: Final[FairTurns[int | None]] = FairTurns(MOST, 1)


def is_large() -> bool:
    """Whether the current request is."""
    return SIZE.get() > LARGE_BYTES


async def aside(user_id: int | None, work: Callable[[], T], size: int | None = None) -> T:
    """What `work` makes of so many bytes (None: of the current request), in a thread if they are many. Raises what it raises.

    A caller that is cancelled goes when the work is done: a thread cannot be stopped, and until then its turn is not over.
    """
    if (SIZE.get() if size is None else size) <= LARGE_BYTES:
        return work()
    async with _TURNS.turn(user_id):
        done = asyncio.get_running_loop().run_in_executor(_THREADS, copy_context().run, work)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            done.exception()  # nobody else hears of it
            raise
        finally:
            del done  # or an error, what it was raised with and this frame would hold one another until the collector comes by
