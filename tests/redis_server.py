"""The Redis of tests that need one: FREEAI_TEST_REDIS_URL, or the server on the standard local port."""

import os
import socket
from urllib.parse import urlsplit

import pytest

REDIS_URL = os.environ.get("FREEAI_TEST_REDIS_URL", "redis://127.0.0.1:6379/7")


def _is_there() -> bool:
    parts = urlsplit(REDIS_URL)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), timeout=0.5).close()
    except OSError:
        return False
    return True


needs_redis = pytest.mark.skipif(not _is_there(), reason=f"no Redis answers at {urlsplit(REDIS_URL).netloc}")
