"""The end of tasks that go on until they are cancelled.

One cancellation is not always enough: `asyncio.wait_for` of Python 3.11, through which Redis' client writes, takes one that comes in the
same turn as the end of what it waits for, and returns as if nothing had been; `asyncio.gather` puts another child's error in its place.
"""

import asyncio
from collections.abc import Collection
from typing import Any, Final

AGAIN_S: Final = 0.1


async def end(tasks: Collection["asyncio.Task[Any]"], within_s: float) -> set["asyncio.Task[Any]"]:
    """Cancel them until all have ended, though no longer than `within_s`. Returns those that have not; errors are nobody's."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + within_s
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
        if loop.time() >= give_up_at:
            break
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()
    return left
