"""The Redis of tests that need one: FREEAI_TEST_REDIS_URL, or the server on the standard local port."""

import os
import socket
import time
from collections.abc import Iterable, Iterator
from itertools import count, islice
from urllib.parse import urlsplit

import pytest
from redis import Redis

_OWN = f"test-{os.getpid()}-{time.time_ns()}"
_numbers = count()
REDIS_URL = os.environ.get("FREEAI_TEST_REDIS_URL", "redis://127.0.0.1:6379/7")


def new_prefix() -> str:
    """For the keys of one store under test. `forget` knows it by this process."""
    return f"{_OWN}-{next(_numbers)}"


def forget() -> None:
    """Delete what tests of this process have left."""
    with Redis.from_url(REDIS_URL) as server:
        for keys in batched(server.scan_iter(match=f"{_OWN}-*", count=1000)):
            server.delete(*keys)


def batched(keys: Iterable[bytes], most: int = 500) -> Iterator[list[bytes]]:
    """A few at a time."""
    left = iter(keys)
    while some := list(islice(left, most)):
        yield some


def _is_there() -> bool:
    parts = urlsplit(REDIS_URL)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), timeout=0.5).close()
    except OSError:
        return False
    return True


needs_redis = pytest.mark.skipif(not _is_there(), reason=f"no Redis answers at {urlsplit(REDIS_URL).netloc}")
