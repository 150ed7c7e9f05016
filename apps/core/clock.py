"""The only clock. Code takes `now` as an argument and asks here at the edge; tests freeze it."""

import time


def now() -> float:
    """UTC epoch seconds."""
    return time.time()


def monotonic() -> float:
    """Seconds that never go back, for durations."""
    return time.monotonic()
