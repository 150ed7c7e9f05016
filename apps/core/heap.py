"""What is free in the heap, and goes back to the system."""

import asyncio
import ctypes
from collections.abc import Callable
from typing import Final

TRIM_S: Final = 1.0


class Trimming:
    """Gives back what lies free in the middle of the heap: a large body of many values leaves its size behind there, between a few things
    that stay."""

    def __init__(self) -> None:
        self._trim: Callable[[int], object] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._due = False

    def soon(self) -> None:
        """A moment from now, when what a request made is gone; once for all who ask meanwhile. Nothing happens where there is no glibc."""
        if self._trim is not None and not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(TRIM_S, self._now)

    def _now(self) -> None:
        self._due = False
        if self._trim is not None:
            asyncio.get_running_loop().run_in_executor(None, self._trim, 0)


TRIMMING: Final = Trimming()
