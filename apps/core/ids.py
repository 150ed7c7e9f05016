"""Identifiers that sort by the time they were made."""

import threading
import time
from os import urandom
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0x2 << 62
_LOW_62 = (1 << 62) - 1
_LAST_MS = (1 << 48) - 1

_from_bytes = int.from_bytes

_lock = threading.Lock()
_last_ms = 0
_last_tail = 0


def uuid7() -> str:
    """A UUIDv7 as 32 hex digits; each greater than the process's last, even if the clock steps back.

    The 74 bits after the timestamp start at random in every millisecond, the highest bit clear to leave
    room for counting, and go up by random steps within it: a forked child never repeats its parent.
    Source: RFC 9562, sections 5.7 and 6.2 (method 2).
    """
    global _last_ms, _last_tail
    noise = _from_bytes(urandom(10))
    with _lock:
        ms = time.time_ns() // 1_000_000
        if ms > _last_ms:
            _last_ms, _last_tail = ms, noise >> 7
        else:
            _last_tail += 1 + (noise & 0xFFFF_FFFF)
        ms, tail = _last_ms, _last_tail
    return (ms << 80 | _VERSION_7 | tail >> 62 << 64 | _VARIANT | tail & _LOW_62).to_bytes(16).hex()


def least_at(at: float) -> UUID:
    """What no UUIDv7 made from `at` on is below, UTC epoch seconds; those made before are. For looking ids up by time."""
    ms = min(max(int(at * 1000), 0), _LAST_MS)
    return UUID(int=ms << 80)
