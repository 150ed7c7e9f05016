"""What upstreams tell of limits is written behind the answers."""

import asyncio

import pytest
from django.db import DatabaseError

from apps.gateway import runtime
from apps.providers.evidence import EVIDENCE
from tests.gateway.conftest import Gateway, until


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
