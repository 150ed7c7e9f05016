"""What upstreams tell of limits is written behind the answers."""

import asyncio

import pytest
from django.db import DatabaseError

from apps.core import clock
from apps.gateway import runtime
from apps.providers.evidence import EVIDENCE
from apps.providers.types import Preset
from tests.gateway.conftest import Gateway, until
from tests.gateway.refusing import ANSWER, add, refuse
from tests.gateway.upstream_pages import Pages


async def test_again_after_a_failure(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[float] = []

    def flush(now: float) -> int:
        flushed.append(now)
        if len(flushed) == 1:
            raise DatabaseError("the database went away")
        return 1

    monkeypatch.setattr(runtime, "EVIDENCE_INTERVAL_S", 0.01)
    monkeypatch.setattr(EVIDENCE, "due", lambda _now: len(flushed) < 2)
    monkeypatch.setattr(EVIDENCE, "flush", flush)
    loop = asyncio.create_task(gateway.runtime._write_evidence())

    await until(lambda: len(flushed) == 2)
    await asyncio.sleep(0.05)

    assert not loop.done()
    assert len(flushed) == 2
    loop.cancel()
    await asyncio.wait([loop])


RATE_LIMIT = {
    "error": {
        "message": "Rate limit reached for ok on requests per min (RPM): Limit 3, Used 3, Requested 1.",
        "code": "rate_limit_exceeded",
    }
}


@pytest.mark.parametrize(("answered", "kept"), [(0, 1), (20, 0)])
async def test_a_number_that_a_refusal_names_is_kept_where_nothing_contradicts_it(
    gateway: Gateway, upstream: Pages, monkeypatch: pytest.MonkeyPatch, answered: int, kept: int
) -> None:
    """A minute after as many were answered comes a 429 that says 3 a minute."""
    EVIDENCE.clear()
    now = [1_795_780_805.0]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    add(gateway, "first", upstream, preset=Preset())
    refuse(upstream, 200, ANSWER)
    for _ in range(answered):
        assert (await gateway.client.chat()).status == 200
        now[0] += 2
    now[0] += 60 * bool(answered)
    await gateway.client.chat()
    refuse(upstream, 429, RATE_LIMIT)
    now[0] += 5

    await gateway.client.chat()

    assert [told.limit for told in EVIDENCE._waiting.values()] == [3] * kept
    EVIDENCE.clear()
