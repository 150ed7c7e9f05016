"""How the process gives memory back to the system."""

import asyncio
import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3
"""Of glibc's <malloc.h>, stable since 1997."""
LARGE_BYTES: Final = 1024 * 1024
TRIM_S: Final = 1.0


def give_back_large() -> None:
    """Let what is large be mapped by itself, so that it goes back to the system as soon as it is freed. By itself glibc raises the bound
    to 32 MiB once it has seen large blocks, and then bodies lie in a heap that shrinks only from its end. Nothing happens elsewhere."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


class Trimming:
    """Gives back what lies free in the middle of the heap: a large body of many values leaves its size behind there, between a few things
    that stay."""

    def __init__(self) -> None:
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._due = False

    def soon(self) -> None:
        """A moment from now, when what a request made is gone; once for all who ask meanwhile. Nothing happens where there is no glibc."""
        if self._trim is not None and not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(TRIM_S, self._now)

    def _now(self) -> None:
        self._due = False
        asyncio.get_running_loop().run_in_executor(None, self._trim, 0)


TRIMMING: Final = Trimming()
