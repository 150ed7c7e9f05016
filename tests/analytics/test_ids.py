import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.core.ids import least_at, uuid7


def test_is_a_version_7_uuid_of_the_present():
    before_ms = time.time_ns() // 1_000_000

    value = uuid.UUID(uuid7())

    assert value.version == 7
    assert value.variant == uuid.RFC_4122
    assert before_ms <= value.int >> 80 <= before_ms + 60_000


def test_sorts_in_the_order_of_making():
    values = [uuid7() for _ in range(20_000)]

    assert values == sorted(set(values))


def test_sorts_in_the_order_of_making_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch):
    first = uuid7()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)

    second, third = uuid7(), uuid7()

    assert first < second < third


def test_threads_never_get_the_same():
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [uuid7() for _ in range(2_000)], range(8)))

    assert len({value for batch in batches for value in batch}) == 16_000


def test_a_forked_child_does_not_repeat_its_parent(monkeypatch: pytest.MonkeyPatch):
    frozen = time.time_ns() + 10**9
    monkeypatch.setattr(time, "time_ns", lambda: frozen)
    uuid7()
    reader, writer = os.pipe()

    if (child := os.fork()) == 0:
        os.write(writer, uuid7().encode())
        os._exit(0)
    os.waitpid(child, 0)
    of_child = os.read(reader, 32).decode()
    os.close(reader)
    os.close(writer)

    assert of_child != uuid7()


def test_an_id_is_not_below_the_least_of_its_time_and_below_that_of_any_later():
    before = time.time()
    made = uuid.UUID(uuid7())

    assert least_at(before - 0.001) <= made < least_at(time.time() + 1)
    assert least_at(before).hex <= made.hex  # as SQLite orders them


@pytest.mark.parametrize("at", [-1.0, 0.0, 1e12, float(2**60)])
def test_every_time_has_a_least_id(at: float):
    assert 0 <= least_at(at).int < 1 << 128
