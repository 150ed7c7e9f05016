"""Bodies are validated in several threads. msgspec looks at a class when it first meets it, and crashes the process where two threads make
it do so at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from apps.gateway.wire import body


class Unmet(msgspec.Struct):
    """Of nobody else."""

    name: str


def test_one_thread_alone_meets_a_schema_first(monkeypatch: pytest.MonkeyPatch):
    convert, within = msgspec.convert, threading.Semaphore(1)
    met: list[bool] = []

    def slow(raw: Any, schema: Any) -> Any:
        if not met:
            assert within.acquire(blocking=False), "another thread is there already"
            time.sleep(0.05)  # long enough for all to come
            met.append(True)
            within.release()
        return convert(raw, schema)

    monkeypatch.setattr(msgspec, "convert", slow)
    barrier = threading.Barrier(4)

    def work() -> str:
        barrier.wait()
        return body.validate({"name": "first"}, Unmet).name

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(work) for _ in range(4)]

    assert [each.result() for each in asked] == ["first"] * 4
