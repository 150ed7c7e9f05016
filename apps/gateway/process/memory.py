"""How the process gives memory back to the system."""

import ctypes
from typing import Final

M_MMAP_THRESHOLD: Final = -3
"""Of glibc's <malloc.h>, stable since 1997."""
LARGE_BYTES: Final = 1024 * 1024


def give_back_large() -> None:
    """Let what is large be mapped by itself, so that it goes back to the system as soon as it is freed. By itself glibc raises the bound
    to 32 MiB once it has seen large blocks, and then bodies lie in a heap that shrinks only from its end. Nothing happens elsewhere."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
